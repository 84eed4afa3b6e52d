import Core
import Glibc
import Platform
import Testing

@testable import fetchctl

/// Runs the built `fetchctl top` in a terminal.
@Suite(.enabled(if: Program.fetchctl != nil, "fetchctl is not built beside the tests"), .timeLimit(.minutes(2)))
struct TopTerminalTests {
    private static let leaving = "\u{1b}[?25h\u{1b}[?1049l"

    private func service() throws -> ScriptedService {
        try ScriptedService { request in
            guard request.target == "/sessions" else { return .json(#"{"transfers":[],"truncated":false}"#) }
            return .json(
                """
                {"sessions":[{"session-id":"first","age":100,"timeout":200,"state":"active","policy":"strict"},\
                {"session-id":"second","age":50,"timeout":200,"state":"active","policy":"strict"}]}
                """)
        }
    }

    private func start(
        _ service: ScriptedService, _ more: [String: String] = [:]
    ) throws -> PseudoTerminal {
        let terminal = try PseudoTerminal()
        terminal.resize(rows: 20, columns: 90)
        let own = ["TERM": "xterm", "FETCH_SERVICE_URL": service.url, "FETCH_SERVICE_AUTH": "a:b"]
        try terminal.start(
            #require(Program.fetchctl), ["top"], environment: own.merging(more) { $1 })
        #expect(terminal.waits(for: "first"), "\(terminal.shown)")
        return terminal
    }

    @Test func keysDoWhatTheFooterSaysAndTheTerminalIsGivenBack() throws {
        let service = try service()
        defer { service.stop() }
        let terminal = try start(service)
        #expect(!terminal.isUsual && terminal.shown.contains("\u{1b}[?1049h"))
        #expect(terminal.waits(for: "> first"))
        terminal.type("j")
        #expect(terminal.waits(for: "> second"))
        terminal.type("\r")
        #expect(terminal.waits(for: "No transfer is under way."))
        terminal.forget()
        terminal.type("\u{1b}")
        #expect(terminal.waits(for: "> second"))
        terminal.type("s")
        #expect(terminal.waits(for: "sorted by rate"))
        terminal.type("q")
        #expect(terminal.end() == 0)
        #expect(terminal.isUsual && terminal.shown.hasSuffix(Self.leaving))
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT])
    func everySignalThatEndsItGivesTheTerminalBack(_ signal: CInt) throws {
        let service = try service()
        defer { service.stop() }
        let terminal = try start(service)
        kill(terminal.process, signal)
        #expect(terminal.end() == 128 + signal)
        #expect(terminal.isUsual && terminal.shown.contains(Self.leaving))
    }

    @Test func itFollowsTheSizeOfTheTerminal() throws {
        let service = try service()
        defer { service.stop() }
        let terminal = try start(service, ["NO_COLOR": "1"])
        #expect(!terminal.shown.contains("\u{1b}[1m"))
        #expect(terminal.waits(for: "DELIVERED"))
        terminal.resize(rows: 5, columns: 30)
        terminal.forget()
        kill(terminal.process, SIGWINCH)
        #expect(terminal.waits(for: "\u{1b}[J"))
        #expect(!terminal.shown.prefix(while: { $0 != "J" }).contains("POLICY"))
        terminal.type("q")
        #expect(terminal.end() == 0)
    }

    @Test func itIsStoppedAndContinued() throws {
        let service = try service()
        defer { service.stop() }
        let terminal = try start(service)
        kill(terminal.process, SIGTSTP)
        var status: CInt = 0
        #expect(terminal.wait { waitpid($0.process, &status, WNOHANG | WUNTRACED) == $0.process })
        #expect(status & 0xff == 0x7f && terminal.isUsual)
        terminal.forget()
        kill(terminal.process, SIGCONT)
        #expect(terminal.waits(for: "\u{1b}[?1049h") && terminal.waits(for: "first"))
        #expect(!terminal.isUsual)
        terminal.type("q")
        #expect(terminal.end() == 0)
    }

    @Test func aServiceThatGoesAwayIsToldWhileTheScreenLives() throws {
        let isGone = Lock(false)
        let service = try ScriptedService { request in
            if isGone.withLock({ $0 }) { return .json("gone for lunch", status: 503) }
            return request.target == "/sessions"
                ? .json(#"{"sessions":[{"session-id":"first"}]}"#) : .json(#"{"transfers":[]}"#)
        }
        defer { service.stop() }
        let terminal = try start(service)
        isGone.withLock { $0 = true }
        #expect(terminal.waits(for: "gone for lunch"))
        isGone.withLock { $0 = false }
        terminal.forget()
        #expect(terminal.waits(for: "1 session, 1 active"))
        terminal.type("q")
        #expect(terminal.end() == 0)
    }

    @Test func withoutASmartTerminalItPrintsOneReport() throws {
        let service = try service()
        defer { service.stop() }
        let terminal = try start(service, ["TERM": "dumb"])
        #expect(terminal.end() == 0)
        #expect(terminal.isUsual && !terminal.shown.contains("\u{1b}"))
    }
}
