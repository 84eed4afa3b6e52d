import Core
import Platform
import Sessions
import SessionsTesting
import Storage
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct LocalOperationsTests {
    private static func ok(_ message: String) -> LocalProbe.Reply { .init(result: "ok", message: message) }
    private static func error(_ message: String) -> LocalProbe.Reply { .init(result: "error", message: message) }

    private static func id(_ text: some StringProtocol) throws -> SessionID {
        guard let id = SessionID(text) else { throw HTTPProbe.Failure(text: "no id: \(text)") }
        return id
    }

    @Test func theVersionIsToldAndCountsAsActivity() async throws {
        try await LocalBench.run { (bench) async throws in
            #expect(try await bench.ask("version") == Self.ok("1.2.3"))
            #expect(bench.requests.withLock { $0 } == 1)
        }
    }

    @Test func configurationsAreUpdatedOrChecked() async throws {
        try await LocalBench.run { (bench) async throws in
            for kind in ConfigurationKind.allCases {
                #expect(
                    try await bench.ask("update-config", type: kind.rawValue, payload: "a: ü\n")
                        == Self.ok("configuration updated"))
            }
            #expect(
                try await bench.ask("update-config", type: "acl", validateOnly: true, payload: "# nothing\n")
                    == Self.ok("configuration validated"))
            #expect(
                bench.updates.updates.withLock { $0 }
                    == ConfigurationKind.allCases.map { .init(kind: $0, text: "a: ü\n", validateOnly: false) }
                    + [.init(kind: .acl, text: "# nothing\n", validateOnly: true)])
            // Not the same as an empty file: an operator who gives none means to change nothing.
            let missing = try await bench.ask("update-config", type: "acl", payload: "")
            #expect(missing.result == "error" && missing.message.contains("missing or empty"))
            #expect(bench.updates.updates.withLock { $0.count } == ConfigurationKind.allCases.count + 1)
        }
    }

    @Test func aRefusedUpdateSaysWhy() async throws {
        try await LocalBench.run { (bench) async throws in
            #expect(
                try await bench.ask("update-config", type: "inspectors", payload: "wrong")
                    == Self.error("inspectors configuration update error: acl.yaml:3: 'wrong' is no rule"))
            #expect(
                try await bench.ask("update-cert", payload: "wrong")
                    == Self.error("certificate update error: acl.yaml:3: 'wrong' is no rule"))
            for type in ["nonsense", nil] {
                let reply = try await bench.ask("update-config", type: type, payload: "a")
                #expect(reply.result == "error" && reply.message.contains("unknown type '\(type ?? "")'"))
            }
            #expect(bench.updates.updates.withLock { $0.count } == 2)
        }
    }

    @Test func certificatesAreUpdatedOrChecked() async throws {
        try await LocalBench.run { (bench) async throws in
            #expect(try await bench.ask("update-cert", payload: "PEM") == Self.ok("proxy certificate updated"))
            #expect(
                try await bench.ask("update-cert", validateOnly: true, payload: "PEM")
                    == Self.ok("certificate validated"))
            #expect(bench.updates.updates.withLock { $0.map(\.validateOnly) } == [false, true])
        }
    }

    // MARK: Sessions

    @Test func sessionsGetTheIdAndTheTokenThatWereChosen() async throws {
        try await LocalBench.run { (bench) async throws in
            let json = #"{"session-id": "build1", "token": "T.0-k_~", "timeout": 60, "mode": "permissive"}"#
            #expect(
                try await bench.ask("create-session", payload: json)
                    == Self.ok("session build1:T.0-k_~ created (permissive)"))
            let session = try #require(try await bench.registry.session(Self.id("build1")))
            #expect(session.accepts(token: "T.0-k_~") && session.row.timeout == 60)
            #expect(
                try await bench.ask("create-session", payload: "build2:tok:30:strict")
                    == Self.ok("session build2:tok created (strict)"))
            #expect(try await bench.registry.session(Self.id("build2"))?.row.timeout == 30)
        }
    }

    @Test(arguments: ["{}", #"{"session-id": "", "token": "", "timeout": 0, "mode": null}"#, ":::"])
    func whatIsNotChosenIsMade(_ payload: String) async throws {
        try await LocalBench.run { (bench) async throws in
            let reply = try await bench.ask("create-session", payload: payload)
            let made = try #require(reply.message.wholeMatch(of: /session ([0-9a-z]{32}):(\w{22,}) created \(strict\)/))
            let session = try #require(try await bench.registry.session(Self.id(made.1)))
            #expect(session.accepts(token: String(made.2)) && session.row.timeout == 21_600)
        }
    }

    @Test func anIdThatLivesIsReplacedAndTheTokenKept() async throws {
        try await LocalBench.run { (bench) async throws in
            _ = try await bench.ask("create-session", payload: "one:first:0:")
            let reply = try await bench.ask("create-session", payload: "one:second:0:")
            let made = try #require(reply.message.wholeMatch(of: /session ([0-9a-z]{32}):second created \(strict\)/))
            #expect(try await bench.registry.session(Self.id(made.1))?.accepts(token: "second") == true)
            #expect(try await bench.registry.session(Self.id("one"))?.accepts(token: "first") == true)
        }
    }

    @Test func anIdThatWasUsedIsRefused() async throws {
        try await LocalBench.run { (bench) async throws in
            _ = try await bench.ask("create-session", payload: "one:first:0:")
            try await bench.registry.finish(Self.id("one"))
            let reply = try await bench.ask("create-session", payload: "one:second:0:")
            #expect(reply.result == "error" && reply.message.contains("session id one was used before"))
            #expect(await bench.registry.liveCount == 0)
        }
    }

    @Test func permissiveBecomesStrictWhereItIsNotAllowed() async throws {
        try await LocalBench.run(allowsPermissive: false) { (bench) async throws in
            #expect(
                try await bench.ask("create-session", payload: #"{"session-id":"a","token":"t","mode":"permissive"}"#)
                    == Self.ok("session a:t created (strict)"))
        }
    }

    @Test func aSessionHasItsOwnInspectorsConfiguration() async throws {
        try await LocalBench.run { (bench) async throws in
            let yaml = Base64.encode(Array("git: {}".utf8))
            _ = try await bench.ask(
                "create-session", payload: "{\"session-id\":\"a\",\"inspectors-configuration\":\"\(yaml)\"}")
            let row = try #require(try await bench.registry.row(of: Self.id("a")))
            #expect(row.configuration == Array("{\"yaml\":7}".utf8))
            let bad = try await bench.ask(
                "create-session",
                payload: "{\"inspectors-configuration\":\"\(Base64.encode(Array("bad".utf8)))\"}")
            #expect(bad.result == "error")
            #expect(bad.message.hasPrefix("malformed payload: 'inspectors-configuration': "))
            #expect(bad.message.contains("line 1: bad"))
        }
    }

    private static let odd = [
        (#"{"session-id":"a","token":"t","policy":"strict","b\u0007":1}"#, "unknown keys 'b\\u{7}', 'policy'"),
        (
            #"{"session-id":"a","token":"t","inspectors-configuration":"\#(Base64.encode(Array("odd".utf8)))"}"#,
            #"unknown key "inspectors-configuration.git.url""#
        ),
        (#"{"session-id":"a","token":"t","timeout":1e400}"#, "the timeout is too long"),
        (#"{"session-id":"a","token":"t","timeout":9223372036854775808}"#, "the timeout is too long"),
        ("a:t:18446744073709551616:strict", "the timeout is too long"),
    ]

    @Test(arguments: odd) func whatIsOddIsLogged(_ payload: String, _ problem: String) async throws {
        try await LocalBench.run { (bench) async throws in
            #expect(
                try await bench.ask("create-session", payload: payload) == Self.ok("session a:t created (strict)"))
            let row = try #require(try await bench.registry.row(of: Self.id("a")))
            #expect(row.timeout == (problem.contains("timeout") ? 604_800 : 21_600))
            let lines = bench.lines.withLock { $0 }
            #expect(lines.contains { $0.hasPrefix("warning local socket: create-session: \(problem)") }, "\(lines)")
        }
    }

    @Test(arguments: odd) func theStrictAPIRefusesWhatIsOdd(_ payload: String, _ problem: String) async throws {
        try await LocalBench.run(isStrict: true) { (bench) async throws in
            let reply = try await bench.ask("create-session", payload: payload)
            #expect(reply.result == "error")
            #expect(reply.message.hasPrefix("malformed payload: refused by strict-api: \(problem)"), "\(reply)")
            #expect(await bench.registry.liveCount == 0)
            let usual = #"{"session-id":"b","token":"t","timeout":-0,"mode":"strict","inspectors-configuration":null}"#
            #expect(try await bench.ask("create-session", payload: usual).result == "ok")
        }
    }

    @Test(arguments: [
        "", "{", "[]", "a:b:c", "a:b:c:d:e", "A:t:0:strict", "../x:t:0:strict", "a:t/k:0:strict", "a:t:-1:strict",
        "a:t:1.5:strict", "a:t:0:loose", #"{"session-id": 1}"#, #"{"session-id": "A"}"#, #"{"token": "a b"}"#,
        #"{"timeout": -1}"#, #"{"timeout": 1.5}"#, #"{"timeout": -1e400}"#, "a:t:+1:strict", #"{"timeout": "1"}"#,
        #"{"mode": "loose"}"#,
        #"{"inspectors-configuration": "%%"}"#, #"{"inspectors-configuration": {}}"#,
        "{\"token\": \"\(String(repeating: "t", count: 257))\"}",
        "{\"session-id\": \"\(String(repeating: "a", count: 65))\"}",
    ])
    func aPayloadThatIsWrongIsRefused(_ payload: String) async throws {
        try await LocalBench.run { (bench) async throws in
            let reply = try await bench.ask("create-session", payload: payload)
            #expect(reply.result == "error" && reply.message.hasPrefix("malformed payload: "), "\(reply)")
            #expect(await bench.registry.liveCount == 0)
        }
    }

    @Test func aRecordThatCannotBeWrittenIsTold() async throws {
        try await LocalBench.run { (bench) async throws in
            bench.records.state.withLock { $0.isWritable = false }
            let reply = try await bench.ask("create-session", payload: "{}")
            #expect(reply.result == "error" && reply.message.hasPrefix("session creation error: cannot write"))
        }
    }

    // MARK: Artifacts

    @Test func artifactsAreListedWhileTheSessionIsActive() async throws {
        try await LocalBench.run { (bench) async throws in
            _ = try await bench.ask("create-session", payload: "a:t:0:")
            #expect(try await bench.ask("list-artifacts", payload: "a") == Self.ok("[\n\t\"ü\"\n]"))
            for id in ["b", "", "../a", "A"] {
                #expect(try await bench.ask("list-artifacts", payload: id) == Self.error("session does not exist"))
            }
        }
    }

    @Test func aListThatFailsAtOnceIsAnErrorAndLaterOneIsCutOff() async throws {
        try await LocalBench.run { (bench) async throws in
            _ = try await bench.ask("create-session", payload: "a:t:0:")
            bench.artifacts.withLock { $0 = [nil] }
            let reply = try await bench.ask("list-artifacts", payload: "a")
            #expect(reply.result == "error" && reply.message.hasPrefix("the artifacts cannot be listed"))
            bench.artifacts.withLock { $0 = [Array("[".utf8), nil] }
            let torn = try await bench.probe.raw([Array(#"{"operation":"list-artifacts","payload":"a"}"#.utf8)])
            #expect(throws: (any Error).self) { try JSONValue(parsing: torn) }
        }
    }

    // MARK: Requests

    @Test func unknownOperationsAreUnsupported() async throws {
        try await LocalBench.run { (bench) async throws in
            for operation in ["", "nonsense", "Version"] {
                #expect(try await bench.ask(operation) == Self.error("unsupported operation"))
            }
        }
    }

    @Test(arguments: [
        "{", "[]", "7", "{\"operation\": 7}", "{\"operation\": \"version\", \"validate-only\": 1}", "{]", "\"version\"",
        "hello\n", "{\"operation\": \"version\", \"payload\": []}", "}", "\u{0}",
    ])
    func whatIsNoRequestIsToldWhy(_ request: String) async throws {
        try await LocalBench.run { (bench) async throws in
            let reply = try await bench.probe.ask(Array(request.utf8), ending: true)
            #expect(reply.result == "error" && !reply.message.isEmpty && reply.message != "unsupported operation")
        }
    }

    @Test func membersThatNobodyKnowsAreIgnoredAndSoIsWhatFollows() async throws {
        try await LocalBench.run { (bench) async throws in
            let request = #" {"operation":"version","later":{"a":["}\""]},"type":null} trailing"#
            #expect(try await bench.probe.ask(Array(request.utf8)) == Self.ok("1.2.3"))
        }
    }
}
