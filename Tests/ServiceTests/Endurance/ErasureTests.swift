import Core
import Cryptography
import Foundation
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// What stays of a session that has ended: nothing that is its own, in any file.
    @Suite struct ErasureTests {
        let service: LiveService
        let origin: ScriptedOrigin

        /// Words that are only this session's, each in another place.
        ///
        /// Of letters and digits at random, so that no piece of one stands elsewhere: where text is compressed, the first
        /// word of its kind stands there as it is.
        private enum Marker: String, CaseIterable {
            case privateURL = "Xq7LrB2vKf9TzWm4HcJd"
            case smallPrivateBody = "pG3sYn8EaQ5uRk1VoZwC"
            case largePrivateBody = "Nf6tXe0MhS9bJy2LdPqA"
            case compressedPrivateBody = "w4KzCg7RvU1iTm5FxEoB"
            case unstoredURL = "Qa8nHj3WkD6yLp0SrVtG"
            case unstoredBody = "e2MvZs5XbN9fCu7KqYwR"
            case userAgent = "Tj1gPd4OhI8xAl6EnBcF"
            case refusedURL = "k9WrUy3VmQ0zGs5JtHoX"
            case failedURL = "Lb7cDe2YiN4aSp8ZfRuK"
            case query = "h5OxTv9MwJ1qEg6CkPdA"
        }

        init() throws {
            service = try LiveService(["--cache-size", "64M"])
            origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let path = request.target
                    if path.contains(Marker.failedURL.rawValue) { return }
                    let isStored = !path.contains(Marker.unstoredURL.rawValue)
                    try session.respond(
                        fields: ["Cache-Control": isStored ? "max-age=1000" : "no-store"], body: Self.body(of: path))
                }
            }
        }

        private static func body(of path: String) -> [UInt8] {
            if path.contains("/small") { return Array("begin \(Marker.smallPrivateBody.rawValue) end".utf8) }
            if path.contains("/large") {
                return SampleBytes.noise(300_000) + Array(Marker.largePrivateBody.rawValue.utf8)
                    + SampleBytes.noise(50_000, seed: 2)
            }
            if path.contains("/text") {
                let line = "a line that is like all the others, so that it pays to compress them\n"
                return Array((Marker.compressedPrivateBody.rawValue + String(repeating: line, count: 9_000)).utf8)
            }
            if path.contains(Marker.unstoredURL.rawValue) { return Array(Marker.unstoredBody.rawValue.utf8) }
            return Array("shared \(path)".utf8)
        }

        /// The files of the state folder that hold any of the words, each with what it holds.
        private func found(_ words: [String]) throws -> [String: Set<String>] {
            let root = service.folder.file("state")
            var found: [String: Set<String>] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
                // Files come and go while this looks at them.
                guard let data = FileManager.default.contents(atPath: "\(root)/\(name)") else { continue }
                for word in words where name.contains(word) || data.range(of: Data(word.utf8)) != nil {
                    found[name, default: []].insert(word)
                }
            }
            return found
        }

        /// Does everything that leaves something behind.
        private func use(_ session: ControlClient.OpenedSession) throws {
            let client = try SessionConnection(service, session)
            let own = "Authorization: Basic c29tZTpib2R5\r\nUser-Agent: \(Marker.userAgent.rawValue)\r\n"
            for path in ["/small", "/large", "/text"] {
                let answer = try client.get("\(path)/\(Marker.privateURL.rawValue)", of: origin, fields: own)
                #expect(answer.body == Self.body(of: path))
            }
            let asked = "/shared?q=\(Marker.query.rawValue)"
            #expect(try client.get("/\(Marker.unstoredURL.rawValue)", of: origin).head.status == 200)
            #expect(try client.get(asked, of: origin, fields: "Authorization: Basic YTpi\r\n").head.status == 200)
            #expect(try client.get("/shared", of: origin).head.status == 200)
            #expect(try client.get("/\(Marker.failedURL.rawValue)", of: origin).head.status == 502)
            try client.send("TRACE", "/\(Marker.refusedURL.rawValue)", of: origin)
            #expect(try client.answer(to: "TRACE").head.status == 405)
        }

        @Test(arguments: [false, true], [false, true])
        func nothingIsLeftOfASessionTenSecondsAfterItsEnd(isRevokedFirst: Bool, isBesideAnother: Bool) throws {
            let other = try isBesideAnother ? service.open() : nil
            let session = try service.open()
            try use(session)
            if let other {
                let client = try SessionConnection(service, other)
                #expect(try client.get("/shared", of: origin).head.status == 200)
            }
            if isRevokedFirst { _ = try service.report(session) }
            // All of it is somewhere, so that not finding it afterwards means something. What had no answer with a body is
            // recorded a little later.
            let words = Marker.allCases.map(\.rawValue) + [session.id.text]
            var before: [String: Set<String>] = [:]
            let isThere = try eventually {
                before = try found(words)
                return Set(before.values.joined()) == Set(words)
            }
            #expect(isThere, "\(before)")

            try service.place.control.end(session.id)
            try service.place.control.deleteResources(session.id)
            try expectNothing(of: words + [session.token])

            // What is shared stays: the next session has it from the cache.
            let next = try service.open()
            let client = try SessionConnection(service, next)
            #expect(try client.get("/shared", of: origin).head.status == 200)
            #expect(origin.requests.filter { $0.target == "/shared" }.count == 1)
        }

        private func fetchctl(_ arguments: String...) throws {
            let program = String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl"
            let file = try #require(try ServiceFile.read(StateFolder(path: service.process.state), owner: geteuid()))
            let result = try ClientProgram.run(
                [program] + arguments, in: service.folder,
                environment: ["FETCH_SERVICE_SOCKET": file.controlSocket ?? ""])
            #expect(result.status == 0, "\(result)")
        }

        private func expectNothing(of words: [String]) throws {
            var left: [String: Set<String>] = [:]
            let isGone = try eventually(atMost: .seconds(10)) {
                left = try found(words)
                return left.isEmpty
            }
            #expect(isGone, "\(left)")
        }

        @Test func backupsLeaveNothingInTheStateFolder() throws {
            let session = try service.open()
            try use(session)
            let words = Marker.allCases.map(\.rawValue) + [session.id.text, session.token]
            let backup = service.folder.file("backup.db")
            try fetchctl("backup", backup)
            let kept = Data(try Kernel.contents(of: backup, limit: 1 << 30))
            #expect(kept.range(of: Data(Marker.userAgent.rawValue.utf8)) != nil)
            #expect(kept.range(of: Data(session.token.utf8)) == nil, "a backup has no token")
            try service.place.control.end(session.id)
            try service.place.control.deleteResources(session.id)
            try expectNothing(of: words)
            // It does not come back, and is not left where the backup was looked at.
            try fetchctl("restore", "--validate-only", backup)
            try fetchctl("restore", backup)
            try expectNothing(of: words)
        }

        @Test func nothingIsLeftOfASessionThatWasRestored() throws {
            let session = try service.open()
            try use(session)
            let words = Marker.allCases.map(\.rawValue) + [session.id.text]
            let backup = service.folder.file("backup.db")
            try fetchctl("backup", backup)
            service.process.signal(SIGKILL)
            _ = service.process.end()
            // A new record, and what a copy for it had left when the process was killed.
            let store = service.folder.file("state/.store")
            try FileManager.default.removeItem(atPath: store)
            try FileManager.default.createDirectory(atPath: store + "/archive", withIntermediateDirectories: true)
            for name in ["backup.db", "restore.db", "restore.db-wal"] {
                try FileManager.default.copyItem(atPath: backup, toPath: "\(store)/archive/\(name)")
            }
            #expect(try !found(words).isEmpty)
            try service.startAgain()
            try expectNothing(of: words)
            try fetchctl("restore", backup)
            #expect(try found([session.id.text]).keys.allSatisfy { $0.hasPrefix(".store/records.") })
            #expect(try !found(words).isEmpty)
            try service.place.control.end(session.id)
            try service.place.control.deleteResources(session.id)
            try expectNothing(of: words)
        }

        @Test func nothingIsLeftOfASessionThatExpired() throws {
            let session = try service.place.control.openSession(policy: .permissive, timeout: 2)
            try use(session)
            let words = Marker.allCases.map(\.rawValue) + [session.id.text, session.token]
            let deadline = MonotonicTime.now() + .seconds(15)
            var left = try found(words)
            #expect(!left.isEmpty)
            while !left.isEmpty, MonotonicTime.now() < deadline { left = try found(words) }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
