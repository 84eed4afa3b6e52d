import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

/// Runs the built program's commands that use the control API against a scripted one.
@Suite(.enabled(if: Program.fetchctl != nil, "fetchctl is not built beside the tests"), .timeLimit(.minutes(1)))
struct ServiceCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fetchctl(_ arguments: [String], at service: ScriptedService) throws -> Program.Result {
        try Program.run(
            #require(Program.fetchctl), arguments,
            environment: [
                "PATH": folder.path, "HOME": folder.path, "FETCH_SERVICE_URL": service.url,
                "FETCH_SERVICE_AUTH": "admin:secret",
            ])
    }

    private static func session(_ id: String, _ more: String = "") -> String {
        """
        {"session-id":"\(id)","name":"n\\u202e","labels":{"a":"b"},"policy":"strict","state":"active","age":61,\
        "timeout":3600,"start-time":"2031-04-05T06:07:08Z","totals":{"exchanges":3,"delivered":1200000,\
        "refused-requests":0,"failed-transfers":1}\(more)}
        """
    }

    @Test func sessionsAreListedFromAllPages() throws {
        let service = try ScriptedService { request in
            request.target == "/sessions"
                ? .json("{\"sessions\":[\(Self.session("one"))],\"next\":\"12-one\"}")
                : .json("{\"sessions\":[\(Self.session("two"))]}")
        }
        defer { service.stop() }
        let result = try fetchctl(["sessions"], at: service)
        #expect(service.calls == ["GET /sessions", "GET /sessions?after=12-one"])
        #expect(
            result.output == """
                SESSION  NAME       STATE   POLICY        AGE         LEFT  REQUESTS  REFUSED  FAILED  DELIVERED  LABELS
                one      n\\u{202e}  active  strict  1 min 1 s  58 min 59 s         3        0       1     1.2 MB  a=b
                two      n\\u{202e}  active  strict  1 min 1 s  58 min 59 s         3        0       1     1.2 MB  a=b

                """)
        let json = try fetchctl(["sessions", "--json"], at: service)
        let list = try JSONValue(parsing: Array(json.output.utf8))["sessions"]?.list
        #expect(list?.compactMap { $0["session-id"]?.text } == ["one", "two"])
        #expect(json.output.contains("\\u202e"))
    }

    @Test func aCursorThatIsNoneIsNotSentBack() throws {
        let service = try ScriptedService { _ in
            .json("{\"sessions\":[\(Self.session("one"))],\"next\":\"a b\\r\\nX: y\"}")
        }
        defer { service.stop() }
        #expect(try fetchctl(["sessions"], at: service).status == 0)
        #expect(service.calls == ["GET /sessions"])
    }

    @Test func noSessionIsSaidInWords() throws {
        let service = try ScriptedService { _ in .json("{\"sessions\":[]}") }
        defer { service.stop() }
        #expect(try fetchctl(["sessions"], at: service).output == "No session is alive.\n")
    }

    @Test(arguments: [
        ["sessions"], ["top"], ["cache", "stats"], ["cache", "ls"], ["cache", "verify"], ["cache", "gc"],
        ["revoke", "abc", "tok"], ["end", "abc"], ["report", "abc"],
    ])
    func everySubcommandTellsWhatTheServiceRefuses(_ command: [String]) throws {
        let service = try ScriptedService { _ in .json("it is \u{1b}broken", status: 503) }
        defer { service.stop() }
        for arguments in [command, command + ["--json"]] {
            let result = try fetchctl(arguments, at: service)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.errors.contains("with 503: it is \\u{1b}broken"), "\(result.errors)")
        }
    }

    @Test(arguments: [
        ["sessions"], ["top"], ["cache", "stats"], ["cache", "ls"], ["cache", "verify"], ["cache", "gc"],
    ])
    func everySubcommandFailsAtAnAnswerThatCannotBeRead(_ command: [String]) throws {
        for body in ["", "{", "garbage"] {
            let service = try ScriptedService { _ in .json(body) }
            defer { service.stop() }
            let result = try fetchctl(command, at: service)
            #expect(result.status == 1 && result.errors.contains("cannot be read"), "\(result)")
        }
    }

    @Test func whatWasDoneIsToldAsJSONToo() throws {
        let service = try ScriptedService { request in
            request.target.hasSuffix("/token") ? .json(#"{"session-id":"abc","end-time":"now"}"#) : .json("")
        }
        defer { service.stop() }
        #expect(try fetchctl(["revoke", "abc", "tok"], at: service).output.isEmpty)
        #expect(
            try fetchctl(["revoke", "abc", "tok", "--json"], at: service).output
                == "{\"end-time\":\"now\",\"session-id\":\"abc\"}\n")
        #expect(try fetchctl(["end", "abc"], at: service).output.isEmpty)
        #expect(
            try fetchctl(["end", "abc", "--json"], at: service).output == "{\"result\":\"ok\",\"session-id\":\"abc\"}\n"
        )
    }

    @Test(arguments: ["revoke abc tok", "report abc", "report abc --json", "end abc"])
    func aSessionThatIsNotThereIsSaidWithWhatToDo(_ command: String) throws {
        let service = try ScriptedService { _ in .json("404 Not Found", status: 404) }
        defer { service.stop() }
        let result = try fetchctl(command.split(separator: " ").map(String.init), at: service)
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains("there is no session abc: "), "\(result.errors)")
        #expect(result.errors.contains("fetchctl sessions lists"))
    }

    @Test func aServiceThatIsNotThereIsSaidWithWhatToDo() throws {
        let result = try Program.run(
            #require(Program.fetchctl), ["sessions", "--url", "http://127.0.0.1:1"], environment: ["HOME": folder.path])
        #expect(result.status == 1 && result.errors.contains("start fetch-service, or name another with --url"))
    }

    @Test func theEnvironmentComesAsJSONToo() throws {
        // A service that does not tell its proxy's port.
        let service = try ScriptedService { _ in .json(#"{"uptime":1,"id":"abc","token":"T0k"}"#) }
        defer { service.stop() }
        try folder.write(SessionFilesTests.block, to: "ca.pem")
        let result = try Program.run(
            #require(Program.fetchctl), ["env", "--json", "--ca", folder.file("ca.pem")],
            environment: ["TMPDIR": folder.path, "FETCH_SERVICE_URL": service.url, "FETCH_SERVICE_AUTH": "a:b"])
        #expect(result.status == 0)
        let variables = try JSONValue(parsing: Array(result.output.utf8))
        #expect(variables["FETCH_SESSION"] == "abc" && variables["FETCH_SESSION_TOKEN"] == "T0k")
        #expect(variables["https_proxy"]?.text?.hasSuffix("abc:T0k@127.0.0.1:9988/") == true)
    }

    // MARK: Top

    @Test func topPrintsOneReportIntoAPipe() throws {
        let service = try ScriptedService { request in
            request.target == "/sessions"
                ? .json("{\"sessions\":[\(Self.session("one"))]}")
                : .json(
                    """
                    {"transfers":[{"session-id":"one","method":"GET","url":"https://a.example/x","stage":"waiting",\
                    "source":"none","start-time":"2031-04-05T06:07:08Z","delivered":1500}],"truncated":false}
                    """)
        }
        defer { service.stop() }
        let result = try fetchctl(["top"], at: service)
        #expect(result.status == 0 && result.output.hasPrefix("SESSION  NAME") && !result.output.contains("\u{1b}"))
        #expect(result.output.contains("GET https://a.example/x  waiting  none  1.5 kB     ?  0 B/s"))
        let json = try JSONValue(parsing: Array(try fetchctl(["top", "--json"], at: service).output.utf8))
        #expect(json["sessions"]?.list?.count == 1 && json["transfers"]?.list?.count == 1)
    }

    // MARK: Cache

    @Test func theCacheIsDescribed() throws {
        let facts = """
            {"entries":12,"blobs":10,"logical-bytes":5000000,"bytes-on-disk":4000000,"limit":8000000,"low-mark":7200000,\
            "space-left":90000000,"evictions":{"blobs":1,"bytes":2000},"scrubbing":{"checked":3,"damaged":1,"missing":0,\
            "unreadable":0,"bytes":9,"last-pass":null},"verification":null,"collection":{"state":"done",\
            "evicted-blobs":2,"evicted-bytes":3000,"bytes-on-disk":4000000}}
            """
        let service = try ScriptedService { _ in .json(facts) }
        defer { service.stop() }
        let result = try fetchctl(["cache", "stats"], at: service)
        #expect(
            result.output == """
                stored responses  12
                bodies            10, 5.0 MB of content
                on disk           4.0 MB (50 % of 8.0 MB)
                free for caching  90 MB
                evicted           1 body, 2.0 kB since the start
                compared          3 bodies with their digests since the start, 1 damaged, not all yet
                cache gc          evicted 2 bodies, 3.0 kB; the cache takes 4.0 MB

                """)
        let json = try fetchctl(["cache", "stats", "--json"], at: service)
        #expect(try JSONValue(parsing: Array(json.output.utf8)) == JSONValue(parsing: Array(facts.utf8)))
    }

    @Test func responsesAreListedPageByPageAndChosenByText() throws {
        @Sendable func entry(_ number: Int) -> String {
            """
            {"number":\(number),"url":"https://a.example/\(number)","status":200,"sha256":"\(number)f","size":\(number),\
            "stored":"2031-04-05T06:07:08.1Z","fresh-until":"2031-04-05T06:07:08.1Z","freshness":"fresh","vary":[],\
            "session-id":null}
            """
        }
        let service = try ScriptedService { request in
            request.target.contains("after")
                ? .json("{\"entries\":[\(entry(3))]}")
                : .json("{\"entries\":[\(entry(1)),\(entry(2))],\"next\":\"2\"}")
        }
        defer { service.stop() }
        let all = try fetchctl(["cache", "ls"], at: service).output.split(separator: "\n")
        #expect(all.count == 4 && all[0].hasPrefix("URL") && all[3].contains("https://a.example/3"))
        #expect(service.calls == ["GET /cache/entries?limit=1000", "GET /cache/entries?limit=1000&after=2"])
        let chosen = try fetchctl(["cache", "ls", "--json", "example/3"], at: service).output
        #expect(chosen.split(separator: "\n").count == 1 && chosen.contains("\"number\":3"))
        #expect(try fetchctl(["cache", "ls", "--limit", "1"], at: service).output.split(separator: "\n").count == 2)
        #expect(try fetchctl(["cache", "ls", "nothing"], at: service).output == "No stored response matches.\n")
    }

    @Test func comparingWaitsForItsEndAndFailsWhenSomethingIsWrong() throws {
        for (damaged, status) in [(0, 0), (2, 1)] as [(Int, Int32)] {
            let looks = Lock(0)
            let service = try ScriptedService { request in
                let state =
                    request.method == "GET"
                        && looks.withLock({
                            $0 += 1; return $0
                        }) > 1 ? "done" : "running"
                return .json(
                    """
                    {"state":"\(state)","blobs":10,"checked":10,"bytes":1000,"damaged":\(damaged),"missing":0,\
                    "unreadable":0}
                    """, status: request.method == "POST" ? 202 : 200)
            }
            defer { service.stop() }
            let result = try fetchctl(["cache", "verify"], at: service)
            #expect(result.status == status && result.errors.isEmpty)
            #expect(
                result.output == "compared 10 bodies, 1.0 kB" + (damaged > 0 ? ", 2 damaged\n" : ": all are right\n"))
            #expect(service.calls == ["POST /cache/verify", "GET /cache/verify", "GET /cache/verify"])
        }
    }

    @Test func collectingTakesAGoalAndNeedNotBeWaitedFor() throws {
        let service = try ScriptedService { _ in
            .json(#"{"state":"running","evicted-blobs":0,"evicted-bytes":0,"bytes-on-disk":1}"#, status: 202)
        }
        defer { service.stop() }
        let result = try fetchctl(["cache", "gc", "--to", "2k", "--no-wait"], at: service)
        #expect(result.status == 0 && result.output == "making room: 0 B freed so far\n")
        #expect(service.requests.map(\.body) == ["{\"to\":2048}"])
    }

    // MARK: Others

    @Test func theConfigurationIsCheckedByTheServicesProgram() throws {
        // Beside the copy of fetchctl, so that it is found before any other.
        try Kernel.replaceFile(
            folder.file("fetchctl"), with: try Kernel.contents(of: #require(Program.fetchctl), limit: 1 << 30),
            mode: 0o700)
        try folder.write("#!/bin/sh\necho \"$@\"; echo wrong >&2; exit 7\n", to: "fetch-service", mode: 0o700)
        let result = try Program.run(
            folder.file("fetchctl"), ["config", "check", "/etc/some where"], environment: ["PATH": "/usr/bin:/bin"])
        #expect(result.status == 7 && result.output == "--check-config --config /etc/some where\n")
        #expect(result.errors == "wrong\n")
        let json = try Program.run(
            folder.file("fetchctl"), ["config", "check", "--json"], environment: ["PATH": "/usr/bin:/bin"])
        #expect(json.status == 7 && json.output == "--check-config --json\n")
        try Kernel.unlink(folder.file("fetch-service"))
        let none = try Program.run(
            folder.file("fetchctl"), ["config", "check"], environment: ["PATH": folder.path])
        #expect(none.status == 1 && none.errors.contains("no fetch-service beside fetchctl or in PATH"))
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsAreScripts(_ shell: String) throws {
        let result = try Program.run(#require(Program.fetchctl), ["completion", shell], environment: [:])
        #expect(result.status == 0 && result.errors.isEmpty)
        for word in ["create-session", "list-artifacts", "completion", "validate-only", "backup", "restore", "force"] {
            #expect(result.output.contains(word), "\(word)")
        }
        guard let interpreter = Program.find(shell) else { return }
        try folder.write(result.output, to: "script")
        let check = try Program.run(interpreter, ["-n", folder.file("script")], environment: [:])
        #expect(check.status == 0, "\(check.errors)")
    }

    @Test func theHelpNamesEveryCommandAndStatus() throws {
        let result = try Program.run(#require(Program.fetchctl), ["--help"], environment: [:])
        #expect(result.status == 0)
        for word in [
            "run", "env", "revoke", "report", "end", "sessions", "top", "cache", "config", "create-session",
            "list-artifacts", "update-config", "update-cert", "backup", "restore", "completion", "version",
        ] {
            #expect(result.output.contains("\n  \(word) "), "\(word)")
        }
        for line in ExitStatus.table.split(separator: "\n") { #expect(result.output.contains(line)) }
    }
}
