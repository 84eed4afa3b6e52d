import Core
import Glibc
import Platform
import PlatformTesting
import Testing
import Wire

@testable import fetchctl

/// Runs the built program against a scripted control API.
@Suite(.enabled(if: Program.fetchctl != nil, "fetchctl is not built beside the tests"), .timeLimit(.minutes(1)))
struct RunTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(SessionFilesTests.block, to: "ca.pem")
    }

    static let usualCalls = [
        "GET /status", "POST /session", "DELETE /session/0f3a/token", "GET /session/0f3a", "DELETE /session/0f3a",
        "DELETE /resources/0f3a",
    ]

    private func service(
        _ exceptions: [String: ScriptedService.Answer] = [:]
    ) throws -> ScriptedService {
        try ScriptedService { request in
            if let answer = exceptions[request.call] { return answer }
            switch request.call {
            case "POST /session": return .json(#"{"id":"0f3a","token":"T0k"}"#)
            case "GET /session/0f3a": return .json(RunSummaryTests.report)
            case "GET /status": return .json(#"{"uptime":1,"proxy-port":4711,"active-sessions":[]}"#)
            default: return .json("{}")
            }
        }
    }

    private func fetchctl(
        _ arguments: [String], at service: ScriptedService, afterStart: ((Int32) throws -> Void)? = nil
    ) throws -> Program.Result {
        try Program.run(
            #require(Program.fetchctl), arguments,
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": folder.path, "TMPDIR": folder.path, "FETCH_SERVICE_URL": service.url,
                "FETCH_SERVICE_AUTH": "admin:secret", "FETCH_SERVICE_CA": folder.file("ca.pem"), "NO_PROXY": "*",
            ], afterStart: afterStart)
    }

    private func leftovers() throws -> [String] {
        try Kernel.names(inFolder: folder.path).filter { $0.hasPrefix("fetchctl-") }
    }

    @Test func theCommandRunsInsideASessionThatIsClosedAndShownAfterwards() throws {
        let service = try service()
        defer { service.stop() }
        let script = "echo out; echo err >&2; env > \(folder.file("env")); cat \"$SSL_CERT_FILE\" > \(folder.file("b"))"
        let result = try fetchctl(["run", "--", "sh", "-c", script], at: service)
        #expect(result.status == 0)
        #expect(result.output == "out\n")
        #expect(result.errors.hasPrefix("err\nNAME   VERSION  TYPE"))
        #expect(result.errors.contains("refused http://127.0.0.1/: loopback destination"))
        #expect(result.errors.contains("2 artifacts, 107 B: 117 B from the network, 205 B from the cache\n"))
        #expect(!result.errors.contains("\u{1b}"))
        #expect(service.calls == Self.usualCalls)
        #expect(service.requests[1].body == #"{"policy":"permissive"}"#)
        #expect(service.requests[2].body == #"{"token":"T0k"}"#)
        let variables = folder.text("env")
        #expect(variables.contains("https_proxy=http://0f3a:T0k@127.0.0.1:4711/\n"))
        #expect(variables.contains("NO_PROXY=localhost,127.0.0.1,::1\n"))
        #expect(!variables.contains("FETCH_SERVICE"))
        #expect(!variables.contains("secret"))
        #expect(folder.text("b").hasSuffix(SessionFilesTests.block))
        #expect(try leftovers().isEmpty)
    }

    @Test(
        arguments: [("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143), ("exit 255", 255)]
            as [(String, Int32)])
    func theExitStatusIsTheCommands(_ script: String, _ status: Int32) throws {
        let service = try service()
        defer { service.stop() }
        #expect(try fetchctl(["run", "--", "sh", "-c", script], at: service).status == status)
        #expect(service.calls == Self.usualCalls)
    }

    @Test func aCommandThatCannotBeStartedGives127Or126AndItsSessionIsEnded() throws {
        let service = try service()
        defer { service.stop() }
        try folder.write("no program", to: "text", mode: 0o644)
        let missing = try fetchctl(["run", "--", "no-such-\u{1b}program"], at: service)
        #expect(missing.status == 127)
        #expect(missing.errors == "fetchctl: cannot run no-such-\\u{1b}program: No such file or directory\n")
        #expect(try fetchctl(["run", folder.file("text")], at: service).status == 126)
        #expect(service.calls.filter { $0 == "DELETE /session/0f3a" }.count == 2)
        #expect(try leftovers().isEmpty)
    }

    @Test func permissiveIsAShortFormOfItsPolicy() throws {
        let service = try service()
        defer { service.stop() }
        #expect(try fetchctl(["run", "--permissive", "--", "true"], at: service).status == 0)
        #expect(service.requests[1].body == #"{"policy":"permissive"}"#)
    }

    @Test func aServiceWithoutPermissiveSessionsGives2AndSaysWhatToDo() throws {
        let service = try service(["POST /session": .json("Invalid session policy", status: 400)])
        defer { service.stop() }
        let result = try fetchctl(["run", "--", "touch", folder.file("ran")], at: service)
        #expect(result.status == 2)
        #expect(result.errors.contains("--permissive-mode"))
        #expect(result.errors.contains("--policy strict"))
        #expect(access(folder.file("ran"), F_OK) != 0)
    }

    @Test func theReportReplacesTheFileInOneStep() throws {
        let service = try service()
        defer { service.stop() }
        let path = try folder.write("old", to: "report.json")
        let strict = ["run", "--policy", "strict", "--timeout", "60", "--report", path]
        #expect(try fetchctl(strict + ["--json", "--", "true"], at: service).errors.hasPrefix(#"{"artifacts":["#))
        #expect(folder.text("report.json") == RunSummaryTests.report)
        #expect(service.requests[1].body == #"{"policy":"strict","timeout":60}"#)
        #expect(try Kernel.names(inFolder: folder.path).sorted() == ["ca.pem", "report.json"])
    }

    @Test func aReportThatBreaksOffLeavesTheOldFileAndIsNoSuccess() throws {
        let service = try service(["GET /session/0f3a": .init(raw: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")])
        defer { service.stop() }
        let path = try folder.write("old", to: "report.json")
        let result = try fetchctl(["run", "--report", path, "--", "true"], at: service)
        #expect(result.status == 125)
        #expect(result.errors.contains("its record could not be had"))
        #expect(folder.text("report.json") == "old")
        #expect(try Kernel.names(inFolder: folder.path).sorted() == ["ca.pem", "report.json"])
        #expect(try fetchctl(["run", "--", "sh", "-c", "exit 3"], at: service).status == 3)
    }

    @Test func aReportThatCouldNotBeWrittenIsNoticedBeforeTheCommandRuns() throws {
        let service = try service()
        defer { service.stop() }
        let path = folder.file("missing/report.json")
        #expect(try fetchctl(["run", "--report", path, "--", "touch", folder.file("ran")], at: service).status == 125)
        #expect(access(folder.file("ran"), F_OK) != 0)
        #expect(service.calls.isEmpty)
    }

    @Test func aReportMayGoToADevice() throws {
        let service = try service()
        defer { service.stop() }
        #expect(try fetchctl(["run", "--report", "/dev/null", "--", "true"], at: service).status == 0)
    }

    @Test func aSignalIsPassedOnAndTheSessionStillClosedAndShown() throws {
        let service = try service()
        defer { service.stop() }
        let script = "trap 'exit 9' TERM; touch \(folder.file("ready")); while :; do sleep 0.05; done"
        let result = try fetchctl(["run", "--", "sh", "-c", script], at: service) { process in
            // Looks for the file that says that the program has begun, for 20 s at most.
            for _ in 0..<2_000 where access(folder.file("ready"), F_OK) != 0 { usleep(10_000) }
            try #require(access(folder.file("ready"), F_OK) == 0, "the command has not begun within 20 s")
            try Kernel.kill(process, SIGTERM)
        }
        #expect(result.status == 9)
        #expect(result.errors.contains("from the network"))
        #expect(service.calls == Self.usualCalls)
        #expect(try leftovers().isEmpty)
    }

    @Test func aWrongCommandLineGives2AndAsksNobody() throws {
        let service = try service()
        defer { service.stop() }
        for arguments in [
            ["run"], ["run", "--"], ["run", "--polcy", "strict", "--", "true"],
            ["run", "--policy", "lax", "--", "true"], ["run", "--permissive", "--policy", "strict", "--", "true"],
            ["run", "--timeout", "0", "--", "true"], ["frob"], ["report", "../x"],
        ] {
            let result = try fetchctl(arguments, at: service)
            #expect(result.status == 2, "\(arguments)")
            #expect(!result.errors.isEmpty)
        }
        #expect(service.calls.isEmpty)
        let help = try fetchctl(["run", "--help"], at: service)
        #expect(help.status == 0)
        #expect(help.output.contains("standard error"))
        #expect(help.errors.isEmpty)
    }

    @Test func argumentsReachTheCommandAsTheyAre() throws {
        let service = try service()
        defer { service.stop() }
        let result = try fetchctl(["run", "--", "printf", "<%s>", "--help", "", "a b", "--", "-x"], at: service)
        #expect(result.output == "<--help><><a b><--><-x>")
    }

    @Test func envGivesAShellWhatItNeedsForASessionByHand() throws {
        let service = try service()
        defer { service.stop() }
        let opened = try fetchctl(["env"], at: service)
        #expect(opened.status == 0)
        #expect(opened.errors.contains("fetchctl revoke \"$FETCH_SESSION\" \"$FETCH_SESSION_TOKEN\""))
        #expect(!opened.errors.contains("T0k"))
        let script = opened.output + "printf '%s %s %s' \"$https_proxy\" \"$FETCH_SESSION\" \"$FETCH_SESSION_TOKEN\""
        let shell = try Program.run("/bin/sh", ["-c", script])
        #expect(shell.output == "http://0f3a:T0k@127.0.0.1:4711/ 0f3a T0k")
        #expect(try leftovers() == ["fetchctl-0f3a"])
        #expect(try fetchctl(["revoke", "0f3a", "T0k"], at: service).status == 0)
        #expect(try fetchctl(["report", "0f3a"], at: service).output.hasPrefix("NAME   VERSION"))
        #expect(
            try fetchctl(["report", "--format", "json", "0f3a"], at: service).output == RunSummaryTests.report + "\n")
        #expect(try fetchctl(["end", "0f3a"], at: service).status == 0)
        #expect(try leftovers().isEmpty)
        #expect(
            service.calls == [
                "GET /status", "POST /session", "DELETE /session/0f3a/token", "GET /session/0f3a",
                "GET /session/0f3a", "DELETE /session/0f3a", "DELETE /resources/0f3a",
            ])
    }

    @Test func theReportOfASessionWhoseTokenIsActiveSaysWhatToDo() throws {
        let service = try service(["GET /session/0f3a": .json("session token is active", status: 400)])
        defer { service.stop() }
        let result = try fetchctl(["report", "0f3a"], at: service)
        #expect(result.status == 1)
        #expect(result.errors.contains("fetchctl revoke 0f3a TOKEN"))
    }

    @Test func theOwnVersionNeedsNoService() throws {
        let result = try Program.run(
            #require(Program.fetchctl), ["version"], environment: ["FETCH_SERVICE_SOCKET": folder.file("none")])
        #expect(result.output == "fetchctl \(ProgramVersion.text)\n" && result.status == 1)
    }
}
