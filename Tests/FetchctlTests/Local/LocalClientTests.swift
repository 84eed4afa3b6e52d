import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(1))) struct LocalClientTests {
    private func failure(_ paths: [String], patience: Duration = .seconds(10)) throws -> LocalError {
        var client = LocalClient(paths: paths)
        client.patience = patience
        return try #require(throws: LocalError.self) { _ = try client.ask("version") }
    }

    @Test func aRequestHasWhatWasGivenAndNothingElse() throws {
        let socket = try ScriptedSocket("ok", "done")
        defer { socket.stop() }
        let client = LocalClient(paths: [socket.path])
        #expect(try client.ask("version") == "done")
        #expect(try client.ask("update-config", type: "acl", validateOnly: true, payload: "a: \"ü\"\n") == "done")
        #expect(
            socket.requests == [
                ["operation": "version"],
                ["operation": "update-config", "type": "acl", "validate-only": true, "payload": "a: \"ü\"\n"],
            ])
    }

    @Test func aRefusalIsShownInTheServicesWordsWithoutControlCharacters() throws {
        let socket = try ScriptedSocket("error", "no\u{1b}[31m\u{202e}")
        defer { socket.stop() }
        let error = try failure([socket.path])
        #expect(error.kind == .refused && "\(error)" == "no\\u{1b}[31m\\u{202e}")
    }

    @Test(arguments: ["", "{", "[]", "garbage", "{\"result\": \"ok\"}", "{\"result\": 1, \"message\": \"a\"}", "\u{0}"])
    func aReplyThatCannotBeReadIsAnError(_ reply: String) throws {
        let socket = try ScriptedSocket { _ in Array(reply.utf8) }
        defer { socket.stop() }
        let error = try failure([socket.path])
        #expect(error.kind == .malformed && "\(error)".hasPrefix("the service's reply cannot be read: "))
    }

    @Test func aSilentServiceIsGivenUp() throws {
        let socket = try ScriptedSocket { _ in nil }
        defer { socket.stop() }
        #expect(try failure([socket.path], patience: .milliseconds(50)).kind == .timedOut)
    }

    @Test func theFirstPathAtWhichSomebodyListensIsUsed() throws {
        let folder = try TemporaryFolder()
        let socket = try ScriptedSocket("ok", "here")
        defer { socket.stop() }
        try folder.write("no socket", to: "file")
        let paths = [folder.file("nothing"), folder.file("file"), socket.path]
        #expect(try LocalClient(paths: paths).ask("version") == "here")
        let error = try failure(Array(paths.prefix(2)))
        #expect(error.kind == .unreachable)
        #expect(
            "\(error)".contains(folder.file("nothing") + ": No such file") && "\(error)".contains("Connection refused"))
        #expect("\(error)".contains("start fetch-service"))
    }

    @Test func aLongReplyArrivesWhole() throws {
        let text = String(repeating: "ü\n", count: 1 << 20)
        let socket = try ScriptedSocket("ok", text)
        defer { socket.stop() }
        #expect(try LocalClient(paths: [socket.path]).ask("list-artifacts") == text)
    }
}

@Suite struct LocalLocatorTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func paths(_ environment: [String: String] = [:], named: String? = nil) throws -> [String] {
        try LocalLocator(
            environment: .init(environment), user: geteuid(), named: named, stateFolder: folder.path
        ).paths()
    }

    private func writeFile(_ more: String, process: pid_t = getpid()) throws {
        try folder.write(
            """
            {"pid": \(process), "control-url": "http://127.0.0.1:1", "proxy-url": "http://127.0.0.1:3",
             "ca-path": "/ca.pem", "version": "1", "permissive": true\(more)}
            """, to: "service.json")
    }

    @Test func whatWasNamedIsTheOnlyPlace() throws {
        #expect(try paths(["FETCH_SERVICE_SOCKET": "/b"], named: "/a") == ["/a"])
        #expect(try paths(["FETCH_SERVICE_SOCKET": "/b"]) == ["/b"])
    }

    @Test func theRunningServiceOfTheUserComesFirst() throws {
        try writeFile(", \"control-socket\": \"/own/socket\"")
        #expect(
            try paths(["XDG_RUNTIME_DIR": "/run/user/7"]) == [
                "/own/socket", "/run/user/7/fetch-service/fetchctl.socket", "/run/fetch-service/fetchctl.socket",
                folder.file("fetchctl.socket"),
            ])
        try writeFile("")
        #expect(try paths() == ["/run/fetch-service/fetchctl.socket", folder.file("fetchctl.socket")])
    }

    @Test func aServiceThatHasEndedIsNotLookedFor() throws {
        try writeFile(", \"control-socket\": \"/own/socket\"", process: 0)
        #expect(try paths(["XDG_RUNTIME_DIR": "relative"]).first == "/run/fetch-service/fetchctl.socket")
    }

    @Test func aFileThatOthersMayWriteIsNotTrusted() throws {
        try writeFile(", \"control-socket\": \"/own/socket\"")
        try Kernel.chmod(folder.file("service.json"), 0o666)
        #expect(throws: ServiceError.self) { try paths() }
    }
}
