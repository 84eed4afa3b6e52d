import ArgumentParser
import Core
import Glibc
import Platform

/// `fetchctl backup`.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the record of the service of this machine into a file, while it runs.",
        discussion: """
            The file holds every session that is alive, with its exchanges, as they were at one moment, and which ids \
            were used. It holds no token, key or credential, no cache, no configuration and no file of an ended session. \
            fetchctl restore takes it in.
            """)

    @OptionGroup var local: LocalOptions
    @Flag(help: "Replace a file that is there.")
    var force = false
    @Argument(help: ArgumentHelp("The new file.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        let target = try BackupFile(file, replaces: force)
        let (message, contents) = try local.client().waiting(.archive).askForFile("backup")
        guard let backup = try? JSONValue(parsing: Array(message.utf8)), let sessions = backup["sessions"]?.integer,
            let exchanges = backup["exchanges"]?.integer, let bytes = backup["bytes"]?.integer
        else { throw LocalError(kind: .malformed, reason: Shown.text(message)) }
        try target.publish(contents, size: bytes)
        local.tell(
            """
            \(counted(Int(sessions), "session")), \(counted(Int(exchanges), "exchange")), \
            \(Quantity.size(bytes)) in \(file)
            """,
            [
                "file": .string(file), "sessions": .integer(sessions), "exchanges": .integer(exchanges),
                "bytes": .integer(bytes), "time": backup["time"] ?? .null,
            ])
    }
}

/// `fetchctl restore`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Add the sessions of a backup to the record of the service of this machine, while it runs.",
        discussion: """
            Sessions whose ids were ever used there are left as they are, and those whose lifetime is over are left out. \
            The others are closed: their reports can be had, and they can be ended, but their tokens do not work. One \
            that was open when the backup was made says that its record is not complete.
            """)

    @OptionGroup var local: LocalOptions
    @Flag(help: "Say what would be done, and change nothing.")
    var validateOnly = false
    @Argument(help: ArgumentHelp("The backup.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        let source: SharedDescriptor
        do throws(SystemError) {
            // A pipe would make the opening wait; the service says that it is no file.
            source = SharedDescriptor(adopting: try Kernel.open(file, O_RDONLY | O_NONBLOCK))
        } catch {
            throw ServiceError("cannot read \(Shown.text(file)): \(SystemError.text(of: error.code))")
        }
        let message = try local.client().waiting(.archive).ask(
            "restore", validateOnly: validateOnly, handing: source)
        guard case .object(var members)? = try? JSONValue(parsing: Array(message.utf8)),
            case .object(let failed)? = members["failed"]
        else { throw LocalError(kind: .malformed, reason: Shown.text(message)) }
        members["validate-only"] = .bool(validateOnly)
        local.tell(summary(members), members)
        guard failed.isEmpty else {
            for (id, reason) in failed.sorted(by: { $0.key < $1.key }) {
                Output.complain("session \(Shown.text(id)): \(Shown.text(reason.text ?? ""))")
            }
            throw ExitCode(ExitStatus.failure)
        }
    }

    private func summary(_ members: [String: JSONValue]) -> String {
        func count(_ name: String) -> Int { members[name]?.list?.count ?? 0 }
        let exchanges = counted(Int(clamping: members["exchanges"]?.integer ?? 0), "exchange")
        var parts = [
            "\(validateOnly ? "would restore" : "restored") \(counted(count("restored"), "session")) with "
                + exchanges,
            "skipped \(count("known")) already known",
        ]
        if count("expired") > 0 { parts.append("left out \(count("expired")) whose lifetime is over") }
        return parts.joined(separator: ", ")
    }
}

extension Duration {
    /// How long a backup or a restore may take.
    fileprivate static let archive = Duration.seconds(24 * 3600)
}

extension LocalClient {
    fileprivate func waiting(_ patience: Duration) -> LocalClient {
        var client = self
        client.patience = patience
        return client
    }
}
