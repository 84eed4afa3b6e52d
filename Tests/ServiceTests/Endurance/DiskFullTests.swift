import Core
import Cryptography
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// A state folder on a file system of its own, which tests fill.
    @Suite struct DiskFullTests {
        let disk: SmallDisk
        let service: LiveService
        let origin: ScriptedOrigin

        init() throws {
            let folder = try TemporaryFolder.configured()
            guard let disk = SmallDisk(at: folder.file("state"), megabytes: 48) else {
                try Test.cancel("mounting a small file system needs root")
            }
            self.disk = disk
            service = try LiveService(in: folder)
            origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while let request = try session.readRequest() {
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000"], body: Self.body(request.target))
                }
            }
        }

        private static func body(_ path: String) -> [UInt8] {
            SampleBytes.noise(400_000, seed: UInt64(path.utf8.count) << 8 + UInt64(path.utf8.last ?? 0))
        }

        private func client(_ session: ControlClient.OpenedSession) throws -> SessionConnection {
            var client = try SessionConnection(service, session)
            try client.openTunnel(to: origin, trust: service.trust)
            return client
        }

        @Test func downloadsGoOnUncachedAndRecordedWhenTheDiskIsFull() throws {
            let session = try service.open()
            try disk.fill(leaving: 200_000)
            let client = try client(session)
            for round in 0..<3 {
                for number in 0..<5 {
                    let answer = try client.get("/\(number)", of: origin)
                    #expect(answer.head.status == 200 && answer.body == Self.body("/\(number)"), "round \(round)")
                }
            }
            let strict = try service.open(.strict)
            let refused = try SessionConnection(service, strict).get(
                "/strict", of: try ScriptedOrigin { _ in (200, Self.body("/strict")) })
            #expect([403, 503].contains(refused.head.status))
            let report = try service.report(session)
            #expect(report.recordComplete && report.hasGapFreeNumbers && report.exchanges.count == 15)
            for number in 0..<5 {
                #expect(
                    report.digests(of: origin.url("/\(number)")) == [SHA256Hasher.digest(Self.body("/\(number)")).hex])
            }
            // With room again the cache works again.
            try disk.empty()
            let next = try service.open()
            let later = try self.client(next)
            #expect(try later.get("/again", of: origin).body == Self.body("/again"))
            let asked = origin.requests.count
            #expect(try later.get("/again", of: origin).body == Self.body("/again"))
            #expect(origin.requests.count == asked)
        }

        /// Asks in a tunnel of its own; `nil` when the answer was cut.
        private func attempt(_ path: String, _ session: ControlClient.OpenedSession) -> (status: Int, text: String)? {
            do {
                let answer = try client(session).get(path, of: origin, fields: "Connection: close\r\n")
                if answer.head.status == 200 { #expect(answer.body == Self.body(path)) }
                return (answer.head.status, answer.head.status == 200 ? "" : answer.text)
            } catch let refusal as SessionConnection.TunnelRefused {
                return refusal.answer.map { ($0.head.status, $0.text) }
            } catch {
                return nil
            }
        }

        @Test func withoutRoomForTheRecordNothingIsDelivered() throws {
            let session = try service.open()
            var delivered: [String] = []
            var refusals = 0
            for number in 0..<20_000 where refusals < 5 {
                let path = "/\(number)"
                switch attempt(path, session) {
                case (200, _)?: delivered.append(path)
                case (503, let reason)?:
                    #expect(reason.contains("the record cannot be written"), "\(reason)")
                    refusals += 1
                case let other?: Issue.record("\(other)")
                case nil: break
                }
                // Also takes what the record's reserve has given up.
                try disk.fill(leaving: 0)
            }
            #expect(refusals == 5 && !delivered.isEmpty)
            #expect(service.process.waitForLog("the record has taken its reserve", atMost: .seconds(5)))
            let asked = origin.requests.count
            #expect(attempt("/refused", session)?.status == 503)
            #expect(origin.requests.count == asked, "nothing leaves unrecorded")
            // It goes on by itself once there is room.
            try disk.empty()
            #expect(eventually(atMost: Machine.patience(.seconds(15))) { attempt("/room", session)?.status == 200 })
            delivered.append("/room")
            let report = try service.report(session)
            #expect(report.hasGapFreeNumbers)
            #expect(
                !report.recordComplete && report.incomplete.contains { $0.reason.contains("could not be recorded") })
            for path in delivered {
                #expect(report.digests(of: origin.url(path)) == [SHA256Hasher.digest(Self.body(path)).hex], "\(path)")
            }
            try service.place.control.end(session.id)
            #expect(service.folder.text("state/\(session.id)/session.json").contains("\"record-complete\": false"))
        }
    }

    @Suite struct DamageTests {
        let service: LiveService

        init() throws { service = try LiveService() }

        /// Uses the service, ends it, and gives the session.
        private func useAndStop(_ origin: ScriptedOrigin) throws -> ControlClient.OpenedSession {
            let session = try service.open()
            for number in 0..<20 {
                #expect(try SessionConnection(service, session).get("/\(number)", of: origin).head.status == 200)
            }
            service.process.signal(SIGTERM)
            #expect(service.process.end() == 143)
            return session
        }

        /// Overwrites the middle of a database, behind its good first page.
        private func damage(_ name: String) throws -> [UInt8] {
            let path = service.folder.file("state/.store/" + name)
            for suffix in ["-wal", "-shm"] { try Kernel.unlinkIfPresent(path + suffix) }
            var bytes = try Kernel.contents(of: path, limit: 1 << 28)
            try #require(bytes.count > 8192, "\(name) has \(bytes.count) bytes")
            for index in 4096..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
            try Kernel.replaceFile(path, with: bytes)
            return bytes
        }

        private func origin() throws -> ScriptedOrigin {
            try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000"], text: "the body of \(request.target)")
                }
            }
        }

        @Test func aCacheDamagedInItsMiddleCostsOnlyTheCache() throws {
            let origin = try origin()
            let session = try useAndStop(origin)
            _ = try damage("cache.db")
            try service.startAgain()
            for _ in 0..<2 {
                for number in 0..<20 {
                    let answer = try SessionConnection(service, session).get("/\(number)", of: origin)
                    #expect(answer.head.status == 200 && answer.text == "the body of /\(number)")
                }
            }
            let report = try service.report(session)
            #expect(report.hasGapFreeNumbers && report.exchanges.count == 60)
        }

        @Test func aRecordDamagedInItsMiddleIsLeftAsItIs() throws {
            let session = try useAndStop(origin())
            let damaged = try damage("records.db")
            let again = try LiveService.start(service.folder, ["--permissive-mode"])
            #expect(again.end() == 1)
            #expect(again.errors.contains("records.db"), "\(again.errors)")
            let now = try Kernel.contents(of: service.folder.file("state/.store/records.db"), limit: 1 << 28)
            #expect(now == damaged)
            #expect(!again.errors.contains(session.token))
        }
    }
}

/// A small file system in memory that a test may fill; gone with this object.
final class SmallDisk {
    private let path: String
    private var fillers = 0

    /// Mounts it; `nil` when that is not allowed.
    init?(at path: String, megabytes: Int) {
        self.path = path
        guard (try? Kernel.mkdir(path)) != nil,
            mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m,mode=0700") == 0
        else { return nil }
    }

    deinit { umount2(path, CInt(MNT_DETACH)) }

    /// Takes room until only so much is left.
    func fill(leaving rest: Int64) throws {
        let excess = try Kernel.space(at: path).available - rest
        guard excess > 0 else { return }
        fillers += 1
        let file = try Kernel.open("\(path)/filler-\(fillers)", O_WRONLY | O_CREAT)
        var offset: Int64 = 0
        // Somebody else may take room too, so pieces get smaller towards the end.
        for piece in [Int64(1) << 20, 1 << 16, 4096] {
            while offset + piece <= excess, (try? Kernel.fallocate(file.number, offset: offset, length: piece)) != nil {
                offset += piece
            }
        }
        try file.close()
    }

    /// Gives the room back.
    func empty() throws {
        for number in 0..<fillers { try Kernel.unlinkIfPresent("\(path)/filler-\(number + 1)") }
    }
}
