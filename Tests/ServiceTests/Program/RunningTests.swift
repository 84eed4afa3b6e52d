import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(3)), .serialized) struct RunningTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder.configured() }

    @Test func readinessIsToldInThreeLinesAndAFile() throws {
        let service = try ServiceProcess(folder)
        let place = try service.waitUntilReady()
        // The lines come right behind the file.
        #expect(service.waitForLog("state:", in: "out"))
        let lines = service.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].contains(place.proxyURL) && lines[0].contains(folder.file("state/.store/ca.pem")))
        #expect(lines[1].contains(place.controlURL) && lines[1].contains(folder.file("state/.store/admin.auth")))
        #expect(lines[2].contains(service.state))
        #expect(try (Kernel.stat(folder.file("state/service.json"))?.mode ?? 0) & 0o777 == 0o600)
        #expect(try place.control.status().activeSessions?.isEmpty == true)
    }

    @Test func withALogFileNothingElseIsWritten() throws {
        let service = try ServiceProcess(folder, ["--log-file", folder.file("log"), "--permissive-mode", "--profile"])
        let place = try service.waitUntilReady()
        let session = try place.control.openSession(policy: .permissive, timeout: nil)
        let other = try place.control.openSession(policy: .strict, timeout: nil)
        for session in [session, other] {
            try place.control.revoke(session.id, token: session.token)
            try place.control.end(session.id)
            try place.control.deleteResources(session.id)
        }
        service.signal(SIGTERM)
        #expect(service.end() == 143)
        #expect(service.output.isEmpty && service.errors.isEmpty)
        let log = folder.text("log")
        #expect(log.contains("[\(session.id)] create permissive session\n"))
        #expect(log.contains("[\(other.id)] create strict session\n"))
        #expect(log.contains("[\(session.id)] discarding session\n"))
        #expect(log.contains("WARN : --profile"))
        for line in log.split(separator: "\n") {
            let stamp = line.prefix(26).map { $0.isNumber ? "0" : $0 }
            #expect(String(stamp) == "0000/00/00 00:00:00.000000", "\(line)")
        }
        #expect(try (Kernel.stat(folder.file("log"))?.mode ?? 0) & 0o777 == 0o644)
    }

    @Test(arguments: [(SIGTERM, 143), (SIGINT, 130), (SIGQUIT, 131)] as [(CInt, Int32)])
    func signalsEndItWithinASecond(signal: CInt, status: Int32) throws {
        let service = try ServiceProcess(folder)
        let place = try service.waitUntilReady()
        _ = try place.control.openSession(policy: .strict, timeout: nil)
        let before = MonotonicTime.now()
        service.signal(signal)
        #expect(service.end() == status)
        #expect(MonotonicTime.now() - before < Machine.patience(.seconds(1)))
        #expect(service.errors.contains("INFO : stopping: \(signal == SIGTERM ? "SIGTERM" : "SIG")"))
        #expect(try Kernel.stat(folder.file("state/service.json")) == nil)
    }

    @Test func sessionsGoOnAfterAnyEnd() throws {
        var sessions: [ControlClient.OpenedSession] = []
        for signal in [SIGKILL, SIGTERM] {
            let service = try ServiceProcess(folder)
            let place = try service.waitUntilReady()
            #expect(try place.control.status().activeSessions?.map(\.id) == sessions.map(\.id.text))
            sessions.append(try place.control.openSession(policy: .strict, timeout: nil))
            service.signal(signal)
            _ = service.end()
        }
        let service = try ServiceProcess(folder)
        let place = try service.waitUntilReady()
        for session in sessions {
            try place.control.revoke(session.id, token: session.token)
            try place.control.end(session.id)
            #expect(folder.text("state/\(session.id)/session.json").contains("\"record-complete\": true"))
        }
        #expect(try place.control.status().activeSessions?.isEmpty == true)
    }

    @Test func anIdleServiceEndsAndItsSessionsKeepIt() throws {
        let service = try ServiceProcess(folder, ["--idle-shutdown", "1"])
        let place = try service.waitUntilReady()
        let session = try place.control.openSession(policy: .strict, timeout: nil)
        #expect(service.waitForLog("idle, but 1 session is alive"))
        try place.control.end(session.id)
        #expect(service.end() == 0)
        #expect(service.errors.contains("stopping: idle"))
    }

    @Test func sessionsOfAServiceThatEndsWhenIdleEndWithIt() throws {
        let service = try ServiceProcess(folder, ["--idle-shutdown", "300"])
        let place = try service.waitUntilReady()
        let session = try place.control.openSession(policy: .strict, timeout: nil)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
        #expect(folder.text("state/\(session.id)/session.json").contains(session.id.text))
        let next = try ServiceProcess(folder)
        #expect(try next.waitUntilReady().control.status().activeSessions?.isEmpty == true)
    }

    @Test func theLogIsOpenedAnewAndTheRulesReadAgain() throws {
        let service = try ServiceProcess(folder, ["--log-file", folder.file("log")])
        _ = try service.waitUntilReady()
        try Kernel.rename(folder.file("log"), to: folder.file("log.1"))
        try folder.write("http-proxy: {policy: nonsense}\n", to: "conf/acl.yaml")
        service.signal(SIGHUP)
        #expect(service.waitForLog("the old address rules stay", in: "log"))
        try folder.write("http-proxy: {policy: deny}\n", to: "conf/acl.yaml")
        service.signal(SIGHUP)
        #expect(service.waitForLog("acl.yaml was read again", in: "log"))
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test func aDamagedCacheIsSetAside() throws {
        try start { _ in }
        try folder.write("this is no database, and long enough to be looked at", to: "state/.store/cache.db")
        try start { service in
            #expect(service.errors.contains("WARN : the cache was set aside"))
        }
    }

    @Test func aDamagedRecordIsNeverOverwritten() throws {
        try start { _ in }
        let damaged = "this is no database, and long enough to be looked at"
        try folder.write(damaged, to: "state/.store/records.db")
        let service = try ServiceProcess(folder)
        #expect(service.end() == 1)
        #expect(service.errors.contains("records.db") && service.errors.contains("sqlite3"))
        #expect(folder.text("state/.store/records.db") == damaged)
        #expect(try Kernel.stat(folder.file("state/service.json")) == nil)
    }

    /// Runs a service until it has been looked at.
    private func start(_ look: (ServiceProcess) throws -> Void) throws {
        let service = try ServiceProcess(folder)
        _ = try service.waitUntilReady()
        try look(service)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }
}
