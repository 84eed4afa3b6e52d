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
    /// `fetchctl backup` and `fetchctl restore` at real services.
    @Suite struct ArchiveTests {
        let origin: ScriptedOrigin

        init() throws {
            origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let path = request.target
                    if path.contains("failing") { return }
                    try session.respond(
                        path.contains("absent") ? 404 : 200, fields: ["Cache-Control": "max-age=600"],
                        text: path + String(repeating: "x", count: path.contains("large") ? 300_000 : 100))
                }
            }
        }

        private func start(_ arguments: [String] = [], in folder: TemporaryFolder? = nil) throws -> LiveService {
            let folder = try folder ?? TemporaryFolder.configured()
            return try LiveService(["--control-socket", folder.file("socket")] + arguments, in: folder)
        }

        private static func fetchctl(_ folder: TemporaryFolder, _ arguments: [String]) throws -> ClientProgram.Result {
            let program = String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl"
            return try ClientProgram.run(
                [program] + arguments, in: folder, environment: ["FETCH_SERVICE_SOCKET": folder.file("socket")])
        }

        private func fetchctl(_ service: LiveService, _ arguments: String...) throws -> ClientProgram.Result {
            try Self.fetchctl(service.folder, arguments)
        }

        private func json(_ service: LiveService, _ arguments: String...) throws -> JSONValue {
            let result = try Self.fetchctl(service.folder, arguments + ["--json"])
            #expect(result.status == 0, "\(arguments): \(result)")
            return try JSONValue(parsing: Array(result.output.utf8))
        }

        /// Downloads all kinds of things.
        private func use(_ service: LiveService, _ session: ControlClient.OpenedSession, _ count: Int) throws {
            try Self.use(service.proxyPort, session, origin, count)
        }

        private static func use(
            _ port: UInt16, _ session: ControlClient.OpenedSession, _ origin: ScriptedOrigin, _ count: Int
        ) throws {
            var client = try SessionConnection(port: port, session)
            for number in 0..<count {
                let kind = ["small", "large", "absent", "small?token=geheim", "failing"][number % 5]
                _ = try? client.get("/\(number % 7)/\(kind)", of: origin)
                if kind == "failing" { client = try SessionConnection(port: port, session) }
            }
            try client.send("TRACE", "/refused", of: origin)
            #expect(try client.answer(to: "TRACE").head.status == 405)
        }

        /// What must be the same in the reports of two services.
        private func comparable(_ report: SessionReport) -> SessionReport {
            var report = report
            // Whether the cache still has the bytes, and where each service keeps its files.
            report.spoolPath = ""
            report.incomplete = report.incomplete.filter { !"\($0)".contains("SHA-1") && !"\($0)".contains("sha1") }
            for index in report.artifacts.indices { report.artifacts[index].metadata.sha1 = "" }
            return report
        }

        private func leftOver(_ service: LiveService) throws -> [String] {
            (try? Kernel.names(inFolder: service.folder.file("state/.store/archive"))) ?? []
        }

        @Test(arguments: ["process", "power"])
        func whatIsBackedUpWhileBuildsDownloadComesBackInAnotherService(durability: String) throws {
            let folder = try TemporaryFolder.configured()
            try folder.write("record-durability: \(durability)\n", to: "conf/service.yaml")
            let first = try start(in: folder)
            let (over, live, ended) = (try first.open(), try first.open(), try first.open())
            try use(first, over, 30)
            try use(first, ended, 5)
            let overReport = try first.report(over)
            try first.place.control.revoke(ended.id, token: ended.token)
            try first.place.control.end(ended.id)
            let isOver = Lock(false)
            let (downloads, port) = (Latch(count: 3), first.proxyPort)
            for _ in 0..<3 {
                startThread(name: "downloads") { [origin] in
                    while !isOver.withLock({ $0 }) { try? Self.use(port, live, origin, 10) }
                    downloads.signal()
                }
            }
            let file = folder.file("backup.db")
            var backup: JSONValue = .null
            for round in 0..<8 {
                backup = try round == 0 ? json(first, "backup", file) : json(first, "backup", "--force", file)
                #expect(backup["sessions"] == 2)
            }
            isOver.withLock { $0 = true }
            downloads.wait()
            let liveReport = try first.report(live)
            #expect(try (Kernel.stat(file)?.mode ?? 0) & 0o777 == 0o600)
            #expect(try leftOver(first).isEmpty)
            #expect(liveReport.hasGapFreeNumbers && liveReport.recordComplete)

            let second = try start()
            let wished = try json(second, "restore", "--validate-only", file)
            #expect(try second.place.control.status().activeSessions?.isEmpty == true)
            let restored = try json(second, "restore", file)
            #expect(wished["restored"] == restored["restored"] && wished["exchanges"] == restored["exchanges"])
            #expect(Set(restored["restored"]?.texts ?? []) == [over.id.text, live.id.text])
            #expect(restored["exchanges"] == backup["exchanges"])
            #expect(try leftOver(second).isEmpty)

            let again = try second.reportOfRevoked(over.id)
            #expect(comparable(again) == comparable(overReport))
            let cut = try second.reportOfRevoked(live.id)
            #expect(!cut.recordComplete && cut.state == "revoked" && cut.hasGapFreeNumbers)
            #expect("\(cut.incomplete)".contains("restored from a backup of "))
            #expect(cut.endTime < liveReport.endTime)
            #expect(cut.exchanges == Array(liveReport.exchanges.prefix(cut.exchanges.count)))
            #expect(Int64(cut.exchanges.count + again.exchanges.count) == backup["exchanges"]?.integer)
            #expect(cut.exchanges.count > 10)
            // Its token is worth nothing.
            #expect(try SessionConnection(second, live).get("/0/small", of: origin).head.status == 407)

            // They are there after any end of the process, and a second time nothing happens.
            second.process.signal(SIGKILL)
            _ = second.process.end()
            try second.startAgain()
            #expect(comparable(try second.reportOfRevoked(over.id)) == comparable(overReport))
            let known = try json(second, "restore", file)
            #expect(known["restored"] == [] && known["known"]?.list?.count == 2)
            // Ids are never used again, also those of sessions that had ended before the backup.
            try second.place.control.end(over.id)
            for id in [over.id, ended.id] {
                let used = try fetchctl(second, "create-session", "--session-id", id.text)
                #expect(used.status == 1 && used.errors.contains("was used before"), "\(used)")
            }
            #expect(try json(second, "restore", file)["restored"] == [])
        }

        @Test func whatWasDeliveredBeforeItIsInABackup() throws {
            let service = try start()
            let session = try service.open()
            for round in 1...5 {
                try use(service, session, 20)
                let backup = try json(service, "backup", service.folder.file("\(round).db"))
                #expect(backup["exchanges"]?.integer == Int64(round * 21))
            }
        }

        @Test func oneAtATimeAndTheOthersAreToldSo() throws {
            let service = try start()
            try use(service, try service.open(), 200)
            let results = Lock<[ClientProgram.Result]>([])
            let (all, folder) = (Latch(count: 8), service.folder)
            for number in 0..<8 {
                startThread(name: "backup") {
                    if let result = try? Self.fetchctl(folder, ["backup", folder.file("b\(number).db")]) {
                        results.withLock { $0.append(result) }
                    }
                    all.signal()
                }
            }
            all.wait()
            let found = results.withLock { $0 }
            #expect(found.count == 8 && found.contains { $0.status == 0 })
            for result in found where result.status != 0 {
                #expect(result.errors.contains("another backup is being made or restored"), "\(result)")
            }
            #expect(try leftOver(service).isEmpty)
        }

        @Test func whereThereIsNoRoomNothingIsWritten() throws {
            let folder = try TemporaryFolder.configured()
            try folder.write("cache:\n  min-free: \(1 << 50)\n", to: "conf/service.yaml")
            let service = try start(in: folder)
            let result = try fetchctl(service, "backup", folder.file("b.db"))
            #expect(result.status == 1 && result.errors.contains("must stay so"), "\(result)")
            #expect(try Kernel.stat(folder.file("b.db")) == nil && leftOver(service).isEmpty)
        }

        @Test func whatIsNoBackupIsRefusedAndChangesNothing() throws {
            let service = try start()
            let session = try service.open()
            try use(service, session, 5)
            let folder = service.folder
            try folder.write("no backup", to: "text")
            try folder.write("", to: "empty")
            try Kernel.mkdir(folder.file("folder"))
            try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
            for (name, text) in [
                ("text", "no SQLite database"), ("empty", "empty"), ("folder", "no regular file"),
                ("pipe", "no regular file"), ("state/.store/cache.db", "no record of this service"),
            ] {
                let result = try fetchctl(service, "restore", folder.file(name))
                #expect(result.status == 1 && result.errors.contains(text), "\(name): \(result)")
                #expect(!result.errors.contains(".store/archive"), "\(result)")
            }
            // Whoever gave the file is wrong, and not the service.
            #expect(service.process.waitForLog("WARN : local socket: restore: it is no SQLite database"))
            #expect(!service.process.errors.contains("ERROR:"), "\(service.process.errors)")
            #expect(try leftOver(service).isEmpty)
            #expect(try service.place.control.status().activeSessions?.map(\.id) == [session.id.text])
            #expect(try service.report(session).recordComplete)
        }
    }
}
