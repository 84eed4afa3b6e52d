import Core
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// `fetchctl`'s commands for the cache at the real service.
    @Suite struct CacheCommandTests {
        let service: LiveService
        let origin: ScriptedOrigin

        init() throws {
            service = try LiveService()
            origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let target = String(decoding: request.head.target, as: UTF8.self)
                    let size = target.contains("large") ? 300_000 : 100
                    try session.respond(
                        fields: ["Cache-Control": "max-age=600"],
                        text: target + String(repeating: "x", count: size))
                }
            }
        }

        /// Downloads some bodies in a session of their own, which ends unless it is kept.
        private func download(_ count: Int, keeping: Bool = false) throws {
            let session = try service.open()
            let connection = try SessionConnection(service, session)
            for number in 0..<count {
                let answer = try connection.get("/\(number)\(number % 4 == 0 ? "-large" : "")?token=geheim", of: origin)
                #expect(answer.head.status == 200)
            }
            guard !keeping else { return }
            try service.place.control.revoke(session.id, token: session.token)
            try service.place.control.end(session.id)
        }

        private func facts() throws -> JSONValue {
            try JSONValue(parsing: Array(try service.fetchctl("cache", "stats", "--json").output.utf8))
        }

        @Test func theCacheIsListedComparedAndEmptied() throws {
            try download(20)
            #expect(eventually(atMost: Machine.patience(.seconds(10))) { (try? facts()["entries"]) == 20 })
            let list = try service.fetchctl("cache", "ls", "--json").output.split(separator: "\n")
            #expect(list.count == 20)
            #expect(list.allSatisfy { $0.contains("token=redacted") && $0.contains("\"freshness\":\"fresh\"") })
            #expect(!list.joined().contains("geheim"))
            let verified = try service.fetchctl("cache", "verify")
            #expect(verified.status == 0 && verified.output.hasPrefix("compared 20 bodies, "), "\(verified)")
            let collected = try service.fetchctl("cache", "gc", "--to", "0", "--json")
            #expect(collected.status == 0)
            #expect(try JSONValue(parsing: Array(collected.output.utf8))["evicted-blobs"] == 20)
            #expect(try facts()["blobs"] == 0)
            #expect(try service.fetchctl("cache", "ls").output == "No stored response.\n")
        }

        @Test func whatALiveSessionHasStays() throws {
            try download(8, keeping: true)
            #expect(eventually(atMost: Machine.patience(.seconds(10))) { (try? facts()["entries"]) == 8 })
            #expect(try service.fetchctl("cache", "gc", "--to", "0").output.hasPrefix("evicted 0 bodies, "))
            #expect(try facts()["blobs"] == 8)
        }

        @Test func aDamagedBodyIsFoundAndDropped() throws {
            try download(8)
            #expect(eventually(atMost: Machine.patience(.seconds(10))) { (try? facts()["entries"]) == 8 })
            // Bytes of large bodies stand in files of their own.
            let folder = service.folder.file("state/.store/content/blobs")
            let found = try ClientProgram.run(
                [
                    "sh", "-c",
                    "f=$(find \(folder) -type f | head -n 1); printf damaged | dd of=\"$f\" conv=notrunc; echo $f",
                ],
                in: service.folder)
            #expect(found.output.hasPrefix(folder))
            let verified = try service.fetchctl("cache", "verify")
            #expect(verified.status == 1 && verified.output.contains(", 1 damaged"), "\(verified)")
            #expect(try facts()["blobs"] == 7)
            #expect(service.folder.text("err").contains("is damaged and was dropped"))
        }
    }
}
