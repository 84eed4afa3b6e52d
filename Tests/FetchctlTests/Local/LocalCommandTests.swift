import Core
import Glibc
import Platform
import PlatformTesting
import Testing
import Wire

@testable import fetchctl

/// Runs the built program against a scripted local socket.
@Suite(.enabled(if: Program.fetchctl != nil, "fetchctl is not built beside the tests"), .timeLimit(.minutes(1)))
struct LocalCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fetchctl(
        _ arguments: [String], at path: String, input: String? = nil
    ) throws -> Program.Result {
        let environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "FETCH_SERVICE_SOCKET": path]
        let program = try #require(Program.fetchctl)
        guard let input else { return try Program.run(program, arguments, environment: environment) }
        try folder.write(input, to: "input")
        return try Program.run(
            "/bin/sh", ["-c", "cat \(folder.file("input")) | \"$0\" \"$@\"", program] + arguments,
            environment: environment)
    }

    /// Every subcommand that uses the socket, as it is asked with a file of this test.
    private var commands: [[String]] {
        get throws {
            try folder.write("policy: ü\n", to: "acl.yaml")
            return [
                ["version"], ["create-session"], ["list-artifacts", "--session-id", "abc"],
                ["update-config", folder.file("acl.yaml")], ["update-cert", folder.file("acl.yaml")],
                ["backup", folder.file("new.db")], ["restore", folder.file("acl.yaml")],
            ]
        }
    }

    @Test func everySubcommandShowsAnErrorReply() throws {
        let socket = try ScriptedSocket("error", "it is \u{1b}broken")
        defer { socket.stop() }
        for command in try commands {
            let result = try fetchctl(command, at: socket.path)
            #expect(result.status == 1 && result.errors == "fetchctl: it is \\u{1b}broken\n", "\(command)")
            #expect(command == ["version"] || result.output.isEmpty)
        }
        #expect(socket.requests.count == 7)
    }

    @Test func everySubcommandFailsAtAReplyThatCannotBeRead() throws {
        let socket = try ScriptedSocket { _ in Array("{".utf8) }
        defer { socket.stop() }
        for command in try commands {
            let result = try fetchctl(command, at: socket.path)
            #expect(result.status == 1 && result.errors.hasPrefix("fetchctl: the service's reply cannot be read: "))
        }
    }

    @Test func everySubcommandSaysWhatToDoWithoutAService() throws {
        for command in try commands {
            let result = try fetchctl(command, at: folder.file("no.socket"))
            #expect(result.status == 1)
            #expect(result.errors.contains(folder.file("no.socket") + ": No such file"))
            #expect(result.errors.contains("start fetch-service, or name its socket with --control-socket"))
        }
    }

    @Test func theVersionsOfBothArePrinted() throws {
        let socket = try ScriptedSocket("ok", "7.8.9")
        defer { socket.stop() }
        let result = try fetchctl(["version"], at: socket.path)
        #expect(result.status == 0 && result.output == "fetchctl \(ProgramVersion.text)\nfetch-service 7.8.9\n")
        let json = try fetchctl(["version", "--json"], at: socket.path)
        #expect(
            try JSONValue(parsing: Array(json.output.utf8))
                == ["fetchctl": .string(ProgramVersion.text), "fetch-service": "7.8.9"])
        let alone = try fetchctl(["version", "--json"], at: folder.file("no.socket"))
        #expect(alone.status == 1 && alone.output.contains("\"fetch-service\":null"))
    }

    @Test func itsOwnVersionNeedsNoService() throws {
        let socket = try ScriptedSocket("ok", "7.8.9")
        defer { socket.stop() }
        let both = try fetchctl(["--version"], at: socket.path)
        #expect(both.status == 0 && both.output == "fetchctl \(ProgramVersion.text)\nfetch-service 7.8.9\n")
        let alone = try fetchctl(["--version"], at: folder.file("no.socket"))
        #expect(alone.status == 0 && alone.output == "fetchctl \(ProgramVersion.text)\n" && alone.errors.isEmpty)
        #expect(try fetchctl([], at: socket.path).output.contains("USAGE: fetchctl"))
    }

    @Test func aSessionIsCreatedAsItIsWished() throws {
        let socket = try ScriptedSocket("ok", "session abc:tok created (permissive)")
        defer { socket.stop() }
        try folder.write("git: {urls: []}\n", to: "own.yaml")
        let result = try fetchctl(
            [
                "create-session", "--session-id", "abc", "--token", "tok", "--timeout", "60", "--permissive",
                folder.file("own.yaml"),
            ], at: socket.path)
        #expect(result.status == 0 && result.output == "session abc:tok created (permissive)\n")
        let payload = try JSONValue(parsing: Array((socket.requests[0]["payload"]?.text ?? "").utf8))
        #expect(
            payload == [
                "session-id": "abc", "token": "tok", "timeout": 60, "mode": "permissive",
                "inspectors-configuration": .string(Base64.encode(Array("git: {urls: []}\n".utf8))),
            ])
        let json = try fetchctl(["create-session", "--json"], at: socket.path)
        #expect(
            try JSONValue(parsing: Array(json.output.utf8))
                == ["session-id": "abc", "token": "tok", "policy": "permissive"])
        #expect(socket.requests[1]["payload"]?.text == #"{"mode":"strict"}"#)
    }

    @Test(arguments: [
        ["create-session", "--session-id", "A/b"], ["create-session", "--timeout", "-1"], ["list-artifacts"],
        ["list-artifacts", "--session-id", "../x"], ["update-config"], ["update-config", "some.yaml"],
        ["update-config", "--type", "nonsense", "acl.yaml"], ["update-cert"], ["completion", "tcsh"], ["cache"],
        ["backup"],
        ["backup", "a", "b"], ["restore"], ["restore", "--force", "a"],
        ["cache", "gc", "--to", "much"],
    ])
    func aCommandLineThatIsWrongIsToldWithStatusTwo(_ arguments: [String]) throws {
        let result = try fetchctl(arguments, at: folder.file("no.socket"))
        #expect(result.status == 2 || arguments == ["cache"], "\(result)")
        #expect(arguments == ["cache"] || !result.errors.isEmpty && result.output.isEmpty)
    }

    @Test func artifactsArePrintedAsTheyCame() throws {
        let list = "[\n\t{\n\t\t\"name\": \"a\u{202e}\"\n\t}\n]"
        let socket = try ScriptedSocket("ok", list)
        defer { socket.stop() }
        let result = try fetchctl(["list-artifacts", "--session-id", "abc"], at: socket.path)
        #expect(result.output == "[\n\t{\n\t\t\"name\": \"a\\u202e\"\n\t}\n]\n")
        #expect(socket.requests == [["operation": "list-artifacts", "payload": "abc"]])
    }

    @Test func aConfigurationIsSentWithTheTypeOfItsName() throws {
        let socket = try ScriptedSocket { request in
            ScriptedSocket.reply("ok", "configuration \(request["validate-only"] == true ? "validated" : "updated")")
        }
        defer { socket.stop() }
        try folder.write("a: ü\n", to: "acl.yaml")
        try folder.write("b: 1\n", to: "x.yaml")
        let result = try fetchctl(["update-config", folder.file("acl.yaml")], at: socket.path)
        #expect(result.status == 0 && result.output == "acl configuration updated\n")
        let other = try fetchctl(
            ["update-config", "--type", "service", "--validate-only", "--json", folder.file("x.yaml")], at: socket.path)
        #expect(other.output.contains(#""message":"service configuration validated""#))
        let piped = try fetchctl(["update-config", "--type", "inspectors", "-"], at: socket.path, input: "c: 2\n")
        #expect(piped.output == "inspectors configuration updated\n")
        #expect(
            socket.requests == [
                ["operation": "update-config", "type": "acl", "payload": "a: ü\n"],
                ["operation": "update-config", "type": "service", "validate-only": true, "payload": "b: 1\n"],
                ["operation": "update-config", "type": "inspectors", "payload": "c: 2\n"],
            ])
    }

    @Test func aCertificateIsSentOrChecked() throws {
        let socket = try ScriptedSocket("ok", "proxy certificate updated")
        defer { socket.stop() }
        try folder.write("PEM\n", to: "ca.pem")
        #expect(
            try fetchctl(["update-cert", folder.file("ca.pem")], at: socket.path).output
                == "proxy certificate updated\n")
        _ = try fetchctl(["update-cert", "--validate-only", "-"], at: socket.path, input: "PEM\n")
        #expect(
            socket.requests == [
                ["operation": "update-cert", "payload": "PEM\n"],
                ["operation": "update-cert", "validate-only": true, "payload": "PEM\n"],
            ])
    }

    @Test func aFileThatCannotBeSentIsToldBeforeAnybodyIsAsked() throws {
        let socket = try ScriptedSocket("ok", "updated")
        defer { socket.stop() }
        try folder.write(String(repeating: "#", count: (4 << 20) + 1), to: "acl.yaml")
        let long = try fetchctl(["update-config", folder.file("acl.yaml")], at: socket.path)
        #expect(long.status == 1 && long.errors.contains("is longer than the 4194304 bytes that a service takes"))
        let missing = try fetchctl(["update-cert", folder.file("nothing.pem")], at: socket.path)
        #expect(
            missing.status == 1 && missing.errors.contains("cannot read") && missing.errors.contains("No such file"))
        let folderItself = try fetchctl(["create-session", folder.path], at: socket.path)
        #expect(folderItself.status == 1 && folderItself.errors.contains("Is a directory"))
        let notText = try Program.run(
            "/bin/sh", ["-c", "printf '\\377' | \"$0\" update-cert -", try #require(Program.fetchctl)],
            environment: ["FETCH_SERVICE_SOCKET": socket.path])
        #expect(notText.status == 1 && notText.errors.contains("is not UTF-8 text"))
        #expect(socket.requests.isEmpty)
    }
}
