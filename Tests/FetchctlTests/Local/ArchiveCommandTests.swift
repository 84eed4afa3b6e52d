import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

/// `backup` and `restore` of the built program against a scripted local socket.
@Suite(.enabled(if: Program.fetchctl != nil, "fetchctl is not built beside the tests"), .timeLimit(.minutes(1)))
struct ArchiveCommandTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try Kernel.mkdir(folder.file("here"))
        try folder.write("the record", to: "record")
    }

    private static let backup = #"{"sessions":12,"exchanges":3456,"bytes":10,"time":"2030-01-01T00:00:00Z"}"#

    private func fetchctl(_ arguments: String..., at socket: ScriptedSocket) throws -> Program.Result {
        try Program.run(
            try #require(Program.fetchctl), arguments,
            environment: ["HOME": folder.path, "FETCH_SERVICE_SOCKET": socket.path])
    }

    private func socket(_ reply: String = backup, handing: Bool = true) throws -> ScriptedSocket {
        try ScriptedSocket(handing: handing ? folder.file("record") : nil) { _ in ScriptedSocket.reply("ok", reply) }
    }

    private func contents(_ name: String) throws -> String {
        String(decoding: try Kernel.contents(of: folder.file(name)), as: UTF8.self)
    }

    /// The files where backups are written.
    private func names() throws -> [String] { try Kernel.names(inFolder: folder.file("here")).sorted() }

    @Test func aBackupIsWrittenForItsOwnerAlone() throws {
        let socket = try socket()
        defer { socket.stop() }
        let path = folder.file("here/b.db")
        let result = try fetchctl("backup", path, at: socket)
        #expect(result.status == 0 && result.output == "12 sessions, 3456 exchanges, 10 B in \(path)\n", "\(result)")
        #expect(try contents("here/b.db") == "the record")
        #expect(try (Kernel.stat(path)?.mode ?? 0) & 0o777 == 0o600)
        let json = try fetchctl("backup", "--json", folder.file("here/c.db"), at: socket)
        #expect(
            try JSONValue(parsing: Array(json.output.utf8)) == [
                "file": .string(folder.file("here/c.db")), "sessions": 12, "exchanges": 3456, "bytes": 10,
                "time": "2030-01-01T00:00:00Z",
            ])
        #expect(try names() == ["b.db", "c.db"])
        #expect(socket.requests == [["operation": "backup"], ["operation": "backup"]])
    }

    @Test func aFileThatIsThereIsReplacedOnlyWhenAsked() throws {
        let socket = try socket()
        defer { socket.stop() }
        try folder.write("precious", to: "here/b.db")
        try #require(symlink(folder.file("here/b.db"), folder.file("here/link")) == 0)
        let path = folder.file("here/b.db")
        let refused = try fetchctl("backup", path, at: socket)
        #expect(refused.status == 1 && refused.errors == "fetchctl: \(path) is there already; --force replaces it\n")
        for name in ["here/link", "here"] {
            let other = try fetchctl("backup", "--force", folder.file(name), at: socket)
            #expect(other.status == 1 && other.errors.contains("no plain file"))
        }
        #expect(try contents("here/b.db") == "precious" && socket.requests.isEmpty)
        #expect(try fetchctl("backup", "--force", path, at: socket).status == 0)
        #expect(try contents("here/b.db") == "the record")
        #expect(try names() == ["b.db", "link"])
    }

    @Test func whatGoesWrongLeavesNothing() throws {
        let short = try socket(Self.backup.replacing("\"bytes\":10", with: "\"bytes\":11"))
        let odd = try socket("saved")
        let bare = try socket(handing: false)
        let refusing = try ScriptedSocket("error", "there is no room")
        let sockets = [short, odd, bare, refusing]
        defer { for socket in sockets { socket.stop() } }
        for (socket, text) in zip(
            sockets, ["not the one that the service described", "cannot be read: saved", "no file", "there is no room"])
        {
            let result = try fetchctl("backup", folder.file("here/b.db"), at: socket)
            #expect(result.status == 1 && result.errors.contains(text) && result.output.isEmpty, "\(result)")
            #expect(try names().isEmpty)
        }
        let nowhere = try fetchctl("backup", folder.file("no/folder/b.db"), at: short)
        #expect(nowhere.status == 1 && nowhere.errors.contains("cannot write"))
        #expect(short.requests.count == 1)
    }

    @Test func aBackupIsHandedOverToBeRestoredOrChecked() throws {
        let reply = #"{"restored":["a"],"exchanges":7,"known":["b","c"],"expired":[],"failed":{},"time":"t"}"#
        let socket = try socket(reply, handing: false)
        defer { socket.stop() }
        let result = try fetchctl("restore", folder.file("record"), at: socket)
        #expect(result.status == 0)
        #expect(result.output == "restored 1 session with 7 exchanges, skipped 2 already known\n")
        let wished = try fetchctl("restore", "--validate-only", folder.file("record"), at: socket)
        #expect(wished.output == "would restore 1 session with 7 exchanges, skipped 2 already known\n")
        let json = try fetchctl("restore", "--json", folder.file("record"), at: socket)
        #expect(
            try JSONValue(parsing: Array(json.output.utf8)) == [
                "restored": ["a"], "exchanges": 7, "known": ["b", "c"], "expired": [], "failed": [:], "time": "t",
                "validate-only": false,
            ])
        #expect(socket.files == ["the record", "the record", "the record"])
        #expect(
            socket.requests == [
                ["operation": "restore"], ["operation": "restore", "validate-only": true], ["operation": "restore"],
            ])
    }

    @Test func sessionsThatAreNotThereAreNamedAndChangeTheStatus() throws {
        let reply = #"""
            {"restored":[],"exchanges":0,"known":[],"expired":["x","y"],"failed":{"b":"bad\u001b","a":"worse"},"time":"t"}
            """#
        let socket = try socket(reply, handing: false)
        defer { socket.stop() }
        let result = try fetchctl("restore", folder.file("record"), at: socket)
        #expect(result.status == 1)
        #expect(
            result.output
                == "restored 0 sessions with 0 exchanges, skipped 0 already known, left out 2 whose lifetime is over\n")
        #expect(result.errors == "fetchctl: session a: worse\nfetchctl: session b: bad\\u{1b}\n")
    }

    @Test func aBackupThatCannotBeReadIsToldBeforeAnybodyIsAsked() throws {
        let socket = try socket(handing: false)
        defer { socket.stop() }
        let missing = try fetchctl("restore", folder.file("nothing"), at: socket)
        #expect(missing.status == 1 && missing.errors.contains("cannot read"))
        #expect(missing.errors.contains("No such file"))
        #expect(socket.requests.isEmpty)
        // A pipe that nobody writes to must not keep it waiting: the service says what it thinks of it.
        try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
        let refusing = try ScriptedSocket("error", "it is no regular file")
        defer { refusing.stop() }
        #expect(try fetchctl("restore", folder.file("pipe"), at: refusing).errors.contains("no regular file"))
    }
}
