import Core
import Cryptography
import Glibc
import Platform
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite struct MemoryTests {
        private static let piece = SampleBytes.noise(1 << 20)

        /// Sends so many megabytes for `/N`.
        private static func largeOrigin() throws -> ScriptedOrigin {
            try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while let request = try session.readRequest() {
                    let count = Int(request.target.dropFirst()) ?? 0
                    try session.send("HTTP/1.1 200 OK\r\nContent-Length: \(count << 20)\r\n\r\n")
                    for _ in 0..<count { try session.send(piece) }
                }
            }
        }

        @Test func aLargeDownloadThroughTLSNeedsLittleMemory() throws {
            let megabytes = Machine.runsLongTests ? 2048 : 256
            let service = try LiveService()
            let origin = try Self.largeOrigin()
            let session = try service.open()
            let facts = ProcessFacts(process: service.place.processID)
            var client = try SessionConnection(service, session)
            try client.openTunnel(to: origin, trust: service.trust)
            #expect(try client.get("/8", of: origin).body.count == 8 << 20)
            let before = facts.residentBytes
            let digest = try download("/\(megabytes)", bytes: megabytes << 20, client, origin) { received in
                if received % 64 == 0 {
                    let growth = facts.residentBytes - before
                    #expect(growth < 64 << 20, "after \(received) pieces it grew by \(growth >> 20) MiB")
                }
            }
            var expected = SHA256Hasher()
            for _ in 0..<megabytes { expected.update(Self.piece) }
            let expectedDigest = expected.finish()
            #expect(digest == expectedDigest)
            #expect(facts.residentBytes - before < 64 << 20)
            let report = try service.report(session)
            #expect(report.artifact(digest)?.metadata.size == Int64(megabytes) << 20)
        }

        /// Downloads without keeping the bytes, and gives their digest.
        private func download(
            _ path: String, bytes: Int, _ client: SessionConnection, _ origin: ScriptedOrigin,
            after piece: (Int) -> Void
        ) throws -> SHA256Digest {
            try client.send("GET", path, of: origin)
            var hasher = SHA256Hasher()
            var (head, pieces, received): ([UInt8], Int, Int) = ([], 0, -1)
            while received < bytes {
                let some = try client.connection.readSome()
                try #require(!some.isEmpty, "ended after \(received) bytes")
                if received < 0 {
                    head += some
                    guard let end = head.indices.first(where: { head[$0...].starts(with: [13, 10, 13, 10]) }) else {
                        continue
                    }
                    hasher.update(Array(head[(end + 4)...]))
                    received = head.count - end - 4
                } else {
                    hasher.update(some)
                    received += some.count
                }
                pieces += 1
                piece(pieces)
            }
            #expect(received == bytes)
            return hasher.finish()
        }

        @Test(arguments: [false, true]) func theFirstByteComesAsSoonAsTheOriginSendsIt(isTLS: Bool) throws {
            let service = try LiveService()
            let sent = Monitor<MonotonicTime?>(nil)
            let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 20)\r\n\r\n")
                    // Nothing of the body before this: the head alone may wait for it.
                    sent.change { $0 = .now() }
                    try session.send(Array(Self.piece[..<100_000]))
                    try session.waitForRelease()
                    try session.send(Array(Self.piece[100_000...]))
                }
            }
            let session = try service.open()
            var client = try SessionConnection(service, session)
            if isTLS { try client.openTunnel(to: origin, trust: service.trust) }
            var delays: [Duration] = []
            for number in 0..<7 {
                try client.send("GET", "/\(number)", of: origin)
                var head: [UInt8] = []
                while head.range(of: [13, 10, 13, 10]).map({ $0 + 4 < head.count }) != true {
                    head += try client.connection.readSome()
                }
                let arrived = MonotonicTime.now()
                delays.append(arrived - (sent.withLock { $0 } ?? arrived))
                origin.release()
                let start = try #require(head.range(of: [13, 10, 13, 10])) + 4
                _ = try client.connection.read(exactly: (1 << 20) - (head.count - start))
            }
            delays.sort()
            #expect(delays[delays.count / 2] < Machine.patience(.milliseconds(50)), "\(delays)")
        }

        @Test(arguments: [false, true]) func idleConnectionsCostLittleMemory(isTLS: Bool) throws {
            _ = try ProcessLimits.raised()
            let service = try LiveService()
            let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { _ in
                (200, [1, 2, 3])
            }
            let session = try service.open()
            let facts = ProcessFacts(process: service.place.processID)
            let trust = try service.trust
            func connect() throws -> SessionConnection {
                var client = try SessionConnection(service, session)
                if isTLS { try client.openTunnel(to: origin, trust: trust) }
                #expect(try client.get("/x", of: origin).body == [1, 2, 3])
                return client
            }
            var clients = try (0..<20).map { _ in try connect() }
            let before = facts.residentBytes
            for _ in 0..<1000 { clients.append(try connect()) }
            let growth = facts.residentBytes - before
            #expect(growth < 32 << 20, "1000 connections cost \(growth >> 10) KiB")
            #expect(try clients[20].get("/x", of: origin).body == [1, 2, 3])
        }
    }
}

extension [UInt8] {
    /// Where some bytes begin.
    fileprivate func range(of other: [UInt8]) -> Int? { indices.first { self[$0...].starts(with: other) } }
}
