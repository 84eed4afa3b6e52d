import Cache
import Core
import MemoryStorage
import Platform
import Storage
import Testing

/// Removals go slice by slice, and what is new does not wait for them.
@Suite struct CatalogWriterTests {
    @Test func `what is submitted during a removal is written before the removal has ended`() throws {
        let order = Lock<[String]>([])
        let mayGoOn = Semaphore()
        let catalog = SlicedCatalog(MemoryCatalog(), slices: 5, onSlice: { mayGoOn.wait(atMost: .seconds(20)) }) {
            changes in
            for change in changes {
                if case .pin = change { order.withLock { $0.append("change") } }
            }
        }
        let writer = CatalogWriter(catalog: catalog) { _ in }
        defer { writer.stop() }
        let removed = Latch()
        writer.remove(
            session("gone"), removeBytes: { () throws(StoreError) in order.withLock { $0.append("bytes") } },
            completion: { failure in
                #expect(failure == nil)
                removed.signal()
            })
        for _ in 0..<4 {
            let written = Latch()
            writer.submit([.pin(digest("a"), session("s"))]) { _ in written.signal() }
            mayGoOn.signal()
            #expect(written.wait(atMost: .seconds(20)))
        }
        #expect(!removed.isOpen)
        for _ in 0..<4 { mayGoOn.signal() }
        #expect(removed.wait(atMost: .seconds(20)))
        #expect(order.withLock { $0 } == ["change", "change", "change", "change", "bytes"])
    }

    @Test func `what the last run left is removed without being asked for`() {
        let done = Latch(count: 3)
        let catalog = SlicedCatalog(MemoryCatalog(), slices: 3, onSlice: { done.signal() })
        let writer = CatalogWriter(catalog: catalog) { _ in }
        #expect(done.wait(atMost: .seconds(20)))
        writer.stop()
        #expect(catalog.slicesLeft == 0)
    }

    @Test func `a stop does not wait for a removal, which says that it has not ended`() {
        let outcome = Lock<StoreError?>(nil)
        let (begun, ended) = (Latch(), Latch())
        let catalog = SlicedCatalog(MemoryCatalog(), slices: .max, onSlice: { begun.signal() })
        let writer = CatalogWriter(catalog: catalog) { _ in }
        #expect(begun.wait(atMost: .seconds(20)))
        writer.remove(session("gone"), removeBytes: { () throws(StoreError) in }) { failure in
            outcome.withLock { $0 = failure }
            ended.signal()
        }
        writer.stop()
        #expect(ended.wait(atMost: .seconds(20)))
        #expect(outcome.withLock { $0?.kind } == .unavailable)
    }

    @Test func `a slice that fails ends the removal with its reason, and the bytes go all the same`() {
        let failure = StoreError(.unavailable, "remove", "broken")
        let (outcome, reported) = (Lock<StoreError?>(nil), Lock(0))
        let (bytes, ended) = (Latch(), Latch())
        let catalog = SlicedCatalog(MemoryCatalog(), slices: 3, failure: failure)
        let writer = CatalogWriter(catalog: catalog) { _ in reported.withLock { $0 += 1 } }
        writer.remove(session("gone"), removeBytes: { () throws(StoreError) in bytes.signal() }) { failure in
            outcome.withLock { $0 = failure }
            ended.signal()
        }
        #expect(ended.wait(atMost: .seconds(20)))
        #expect(bytes.isOpen)
        #expect(outcome.withLock { $0?.reason } == "broken")
        #expect(reported.withLock { $0 } > 0)
        writer.stop()
    }
}
