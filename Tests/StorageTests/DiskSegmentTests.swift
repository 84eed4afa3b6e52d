import Core
import Cryptography
import Glibc
import Storage
import Platform
import PlatformTesting
import Testing

@testable import DiskStore

@Suite struct DiskSegmentTests {
    let folder: TemporaryFolder
    let layout: StoreLayout

    init() throws {
        folder = try TemporaryFolder()
        layout = StoreLayout(root: "\(folder.path)/.store")
    }

    func open(segmentSize: Int64 = 64 << 20) throws -> DiskStore {
        var settings = DiskStoreSettings()
        settings.segmentSize = segmentSize
        return try DiskStore(root: layout.root, settings: settings)
    }

    func segments() throws -> [String] { try Kernel.names(inFolder: layout.sharedSegments).sorted() }

    @Test("A record of version 1 is laid out as documented")
    func layoutOfRecord() throws {
        let record = SegmentRecord.encode(
            Array("abc".utf8), digest: SHA256Hasher.digest(Array("abc".utf8)), acceleration: 1)
        let expected =
            "465352310100000003000000" + "03000000"
            + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" + "ff53d132"
        #expect(Hex.encode(record).hasPrefix(expected))
        #expect(Hex.encode(record).hasSuffix("616263"))
        #expect(record.count == 59)
        let content = try SegmentRecord.content(
            of: record, length: 59, blob: SHA256Hasher.digest(Array("abc".utf8)), size: 3)
        #expect(content == Array("abc".utf8))
    }

    @Test("A record with any changed byte is refused")
    func everyByte() throws {
        for content in [sampleText(400), sampleNoise(200)] {
            let digest = SHA256Hasher.digest(content)
            let record = SegmentRecord.encode(content, digest: digest, acceleration: 1)
            for index in record.indices {
                for bit in [UInt8(1), 0x80] {
                    var changed = record
                    changed[index] ^= bit
                    #expect(throws: SegmentRecord.Absence.self, "byte \(index)") {
                        try SegmentRecord.content(
                            of: changed, length: record.count, blob: digest, size: Int64(content.count))
                    }
                }
            }
            for count in 0..<record.count {
                #expect(throws: SegmentRecord.Absence.self, "cut at \(count)") {
                    try SegmentRecord.content(
                        of: Array(record[..<count]), length: record.count, blob: digest, size: Int64(content.count))
                }
            }
        }
    }

    @Test("Small text is compressed when that saves 12 %, noise is not")
    func compression() throws {
        let text = SegmentRecord.encode(sampleText(10_000), digest: SHA256Hasher.digest([]), acceleration: 4)
        #expect(text.count < 5000)
        let noise = SegmentRecord.encode(sampleNoise(10_000), digest: SHA256Hasher.digest([]), acceleration: 4)
        #expect(noise.count == 10_056)
    }

    @Test("Every start opens a new segment and leaves the old ones as they are")
    func newSegment() throws {
        let first = try open().storeSmall([1, 2, 3])
        let store = try open()
        let second = try store.storeSmall([4, 5, 6])
        #expect(first.placement.text == "seg/1/0/59")
        #expect(second.placement.text == "seg/2/0/59")
        #expect(try segments() == ["000001.seg", "000002.seg"])
        #expect(try store.content(first) == [1, 2, 3])
    }

    @Test("A full segment is followed by a new one")
    func roll() throws {
        let store = try open(segmentSize: 5000)
        let blobs = try (0..<10).map { try store.storeSmall(sampleNoise(1500, seed: UInt64($0))) }
        #expect(try segments().count == 4)
        for (index, blob) in blobs.enumerated() {
            #expect(try store.content(blob) == sampleNoise(1500, seed: UInt64(index)))
        }
    }

    @Test("A torn record at the end, cut anywhere, is dead space")
    func tornTail() throws {
        let whole = try open().storeSmall(sampleNoise(300))
        let path = layout.segment(SegmentID(scope: .shared, number: 1))
        let tornDigest = SHA256Hasher.digest(sampleNoise(300, seed: 2))
        let torn = SegmentRecord.encode(sampleNoise(300, seed: 2), digest: tornDigest, acceleration: nil)
        let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDWR))
        for count in [1, 3, 4, 55, 56, 57, 200, torn.count - 1] {
            try Kernel.ftruncate(file.raw, whole.placement.sizeOnDisk)
            try FileCalls().write(file, Array(torn[..<count]), at: whole.placement.sizeOnDisk)
            let store = try open()
            #expect(try store.content(whole) == sampleNoise(300))
            var cut = whole
            cut.digest = tornDigest
            cut.placement.text = "seg/1/\(whole.placement.sizeOnDisk)/\(torn.count)"
            #expect(throws: StoreError.self) { try store.open(cut) }
            let next = try store.storeSmall([1])
            _ = try store.maintain()
            #expect(try store.content(whole) == sampleNoise(300))
            #expect(try store.content(next) == [1])
        }
        // With the record dead too, the torn rest does not keep the file.
        let store = try open()
        _ = try store.storeSmall([1])
        try store.remove(whole)
        for _ in 0..<20 { _ = try store.maintain() }
        #expect(try Kernel.stat(path) == nil)
    }

    @Test("A segment without a live record is removed, but never the highest one")
    func removal() throws {
        let store = try open(segmentSize: 5000)
        let blobs = try (0..<9).map { try store.storeSmall(sampleNoise(1500, seed: UInt64($0))) }
        #expect(try segments() == ["000001.seg", "000002.seg", "000003.seg"])
        for blob in blobs { try store.remove(blob) }
        for _ in 0..<5 { _ = try store.maintain() }
        #expect(try segments() == ["000003.seg"])
        let reopened = try open()
        for _ in 0..<3 { _ = try reopened.maintain() }
        #expect(try segments() == ["000003.seg"])
        #expect(try reopened.storeSmall([1]).placement.text == "seg/4/0/57")
        for blob in blobs { #expect(try reopened.open(blob) == nil) }
    }

    @Test("Segments that died in an earlier run are found without a removal in this one")
    func removalAfterRestart() throws {
        let store = try open(segmentSize: 2000)
        let blobs = try (0..<3).map { try store.storeSmall(sampleNoise(1500, seed: UInt64($0))) }
        try store.remove(blobs[0])
        let reopened = try open()
        for _ in 0..<3 { _ = try reopened.maintain() }
        #expect(try segments() == ["000002.seg", "000003.seg"])
        #expect(try reopened.content(blobs[1]) == sampleNoise(1500, seed: 1))
    }

    @Test("The room of dead neighbours is given back as one, whatever the order of their removal")
    func holes() throws {
        let store = try open()
        let blobs = try (0..<100).map { try store.storeSmall(sampleNoise(10_000, seed: UInt64($0))) }
        let path = layout.segment(SegmentID(scope: .shared, number: 1))
        let before = try #require(try Kernel.stat(path)).sizeOnDisk
        try #require(before >= 1_000_000)
        for index in blobs.indices where index % 10 != 0 && index.isMultiple(of: 2) { try store.remove(blobs[index]) }
        _ = try store.maintain()
        for index in blobs.indices where index % 10 != 0 && !index.isMultiple(of: 2) { try store.remove(blobs[index]) }
        _ = try store.maintain()
        let after = try #require(try Kernel.stat(path)).sizeOnDisk
        #expect(after <= 10 * 20_480, "a tenth of the records, each on at most five blocks")
        for index in blobs.indices {
            let content = try store.content(blobs[index])
            #expect(content == (index % 10 == 0 ? sampleNoise(10_000, seed: UInt64(index)) : nil))
        }
        let reopened = try open()
        _ = try reopened.maintain()
        #expect(try reopened.content(blobs[90]) == sampleNoise(10_000, seed: 90))
    }

    @Test("Damage in the middle of a segment costs no other record")
    func damageInTheMiddle() throws {
        let store = try open()
        let blobs = try (0..<30).map { try store.storeSmall(sampleNoise(10_000, seed: UInt64($0))) }
        // The length in the header of the second record: what follows cannot be found by walking.
        try layout.flipByte(of: blobs[1], at: 13)
        let reopened = try open()
        _ = try reopened.storeSmall([1])
        try reopened.remove(blobs[0])
        for _ in 0..<3 { _ = try reopened.maintain() }
        for index in 2..<30 { #expect(try reopened.content(blobs[index]) == sampleNoise(10_000, seed: UInt64(index))) }
        let error = #expect(throws: StoreError.self) { try reopened.open(blobs[1]) }
        #expect(error?.kind == .corrupt)
    }

    @Test("The same small body again takes no room, unless what is there is dead or damaged")
    func again() throws {
        let store = try open()
        let bytes = sampleNoise(1000)
        let first = try store.storeSmall(bytes)
        #expect(try store.storeSmall(bytes) == first)
        let session = try #require(SessionID("s1"))
        let other = try store.storeSmall(bytes, scope: .session(session))
        try store.removeAll(of: session)
        #expect(try store.storeSmall(bytes, scope: .session(session)).scope == other.scope)
        try layout.flipByte(of: first)
        let second = try store.storeSmall(bytes)
        #expect(second.placement != first.placement)
        try store.remove(second)
        let third = try store.storeSmall(bytes)
        #expect(try store.content(third) == bytes)
    }

    @Test("Places are forgotten oldest first")
    func recentPlaces() {
        var recent = RecentPlaces(capacity: 2)
        let digests = (0..<4).map { SHA256Hasher.digest([UInt8($0)]) }
        for (number, digest) in digests.enumerated() {
            recent.remember(.segment(number: UInt32(number), offset: 0, length: 57), of: digest, .shared)
        }
        #expect(digests.map { recent.place(of: $0, .shared) != nil } == [false, false, true, true])
    }

    @Test("A record inside another's content is not found by removing or opening")
    func forgedRecord() throws {
        let store = try open()
        let inner = SegmentRecord.encode(
            sampleNoise(500), digest: SHA256Hasher.digest(sampleNoise(500)), acceleration: nil)
        let outer = try store.storeSmall(sampleNoise(100) + inner)
        _ = try store.storeSmall([1])
        try store.remove(outer)
        _ = try store.maintain()
        let forged = StoredBlob(
            digest: SHA256Hasher.digest(sampleNoise(500)), logicalSize: 500, scope: .shared,
            placement: BlobPlacement(text: "seg/1/156/\(inner.count)", sizeOnDisk: 0))
        #expect(try store.open(forged) == nil)
    }
}
