import Core
import Foundation
import Glibc
import Platform
import Sessions
import Testing

@testable import Control

/// Hands out a file, and reads those that it gets.
final class FakeArchive: RecordArchive {
    struct Restore: Equatable {
        var text: String
        var validateOnly: Bool
    }

    static let time = WallTime(seconds: 1_900_000_000)
    let failure = Lock<String?>(nil)
    let restores = Lock<[Restore]>([])
    private let folder: String

    var path: String { folder + "/backup" }

    init(folder: String) { self.folder = folder }

    func backUp() async throws(ArchiveFailure) -> RecordBackup {
        if let text = failure.withLock({ $0 }) { throw ArchiveFailure(text) }
        do {
            try Kernel.replaceFile(path, with: Array("the record".utf8))
            let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDONLY))
            return RecordBackup(file: file, sessions: 2, exchanges: 7, bytes: 10, time: Self.time)
        } catch {
            throw ArchiveFailure("\(error)")
        }
    }

    func restore(_ file: SharedDescriptor, validateOnly: Bool) async throws(ArchiveFailure) -> RestoredRecord {
        if let text = failure.withLock({ $0 }) { throw ArchiveFailure(text) }
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = (try? bytes.withUnsafeMutableBytes { try Kernel.pread(file.raw, into: $0, offset: 0) }) ?? 0
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        restores.withLock { $0.append(Restore(text: text, validateOnly: validateOnly)) }
        var outcome = RestoredRecord(time: Self.time)
        outcome.restored = ["a", "b"].compactMap { SessionID($0) }
        outcome.exchanges = 7
        outcome.known = ["c"].compactMap { SessionID($0) }
        if let id = SessionID("d") { outcome.failed = [id: "it is damaged"] }
        return outcome
    }
}

/// Backups and restores over the local socket, and descriptors that nobody asked for.
@Suite(.timeLimit(.minutes(2))) struct LocalArchiveTests {
    /// Sends a request with descriptors, each with a byte of its own, and gives all that comes back.
    private func ask(
        _ bench: LocalBench, _ request: String, handing files: [CInt] = []
    ) throws -> (reply: LocalProbe.Reply, files: [SharedDescriptor]) {
        let socket = try bench.probe.connect()
        var rest = Array(request.utf8)[...]
        for file in files {
            let first = [rest.removeFirst()]
            // A service that has had enough answers and closes, and takes no more.
            guard first.withUnsafeBytes({ Kernel.send(socket.raw, $0, handing: file) }) == .count(1) else { break }
        }
        _ = rest.withUnsafeBytes { Kernel.send(socket.raw, $0) }
        Kernel.shutdownWrite(socket.raw)
        var bytes: [UInt8] = []
        var received: [SharedDescriptor] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case .count(let count) = buffer.withUnsafeMutableBytes({
            Kernel.recv(socket.raw, into: $0, descriptors: &received)
        }), count > 0 {
            bytes += buffer[..<count]
        }
        return (try LocalProbe.reply(bytes), received)
    }

    /// How many descriptors of this process lead to a path.
    private func openCount(_ path: String) throws -> Int {
        try Kernel.names(inFolder: "/proc/self/fd").count { name in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)"))?.hasPrefix(path)
                == true
        }
    }

    /// Waits until the service has closed everything that leads to a path.
    private func expectAllClosed(_ path: String, _ bench: LocalBench) async throws {
        // It is accepted behind all others, whose descriptors nobody sees before they are read.
        #expect(try await bench.ask("version").result == "ok")
        let deadline = MonotonicTime.now() + .seconds(20)
        while try bench.server.connectionCount > 0 || openCount(path) > 0, MonotonicTime.now() < deadline {
            // Between two looks at what is waited for.
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(try openCount(path) == 0)
    }

    @Test func aBackupIsHandedOverWithWhatIsInIt() async throws {
        try await LocalBench.run { (bench) async throws in
            do {
                let (reply, files) = try ask(bench, #"{"operation":"backup"}"#)
                #expect(reply.result == "ok")
                #expect(
                    try JSONValue(parsing: Array(reply.message.utf8)) == [
                        "sessions": 2, "exchanges": 7, "bytes": 10, "time": .string(FakeArchive.time.rfc3339),
                    ])
                #expect(files.count == 1)
                let file = try #require(files.first)
                #expect(fcntl(file.raw, F_GETFD) & FD_CLOEXEC != 0)
                var bytes = [UInt8](repeating: 0, count: 100)
                #expect(try bytes.withUnsafeMutableBytes { try Kernel.pread(file.raw, into: $0, offset: 0) } == 10)
            }
            try await expectAllClosed(bench.archive.path, bench)
            bench.archive.failure.withLock { $0 = "there is no room" }
            let (reply, files) = try ask(bench, #"{"operation":"backup"}"#)
            #expect(reply.message == "cannot back the record up: there is no room" && files.isEmpty)
        }
    }

    @Test func aClientThatLeavesKeepsNoBackupOpen() async throws {
        try await LocalBench.run { (bench) async throws in
            for _ in 0..<20 {
                let socket = try bench.probe.connect()
                _ = Array(#"{"operation":"backup"}"#.utf8).withUnsafeBytes { Kernel.send(socket.raw, $0) }
            }
            try await expectAllClosed(bench.archive.path, bench)
        }
    }

    @Test func aFileIsRestoredOrChecked() async throws {
        try await LocalBench.run { (bench) async throws in
            let path = bench.folder + "/given"
            try Kernel.replaceFile(path, with: Array("a backup".utf8))
            for validateOnly in [false, true] {
                let request = #"{"operation":"restore","validate-only":\#(validateOnly)}"#
                let file = try Kernel.open(path, O_RDONLY)
                let reply = try ask(bench, request, handing: [file.number]).reply
                #expect(reply.result == "ok")
                #expect(
                    try JSONValue(parsing: Array(reply.message.utf8)) == [
                        "restored": ["a", "b"], "exchanges": 7, "known": ["c"], "expired": [],
                        "failed": ["d": "it is damaged"], "time": .string(FakeArchive.time.rfc3339),
                    ])
            }
            #expect(
                bench.archive.restores.withLock { $0 } == [
                    .init(text: "a backup", validateOnly: false), .init(text: "a backup", validateOnly: true),
                ])
            try await expectAllClosed(path, bench)
            bench.archive.failure.withLock { $0 = "it is no record" }
            let file = try Kernel.open(path, O_RDONLY)
            #expect(
                try ask(bench, #"{"operation":"restore"}"#, handing: [file.number]).reply
                    == .init(result: "error", message: "cannot restore: it is no record"))
        }
    }

    @Test func whatIsNoFileThatCanBeReadIsRefused() async throws {
        try await LocalBench.run { (bench) async throws in
            let request = #"{"operation":"restore"}"#
            #expect(try ask(bench, request).reply.message.contains("takes a file"))
            let path = bench.folder + "/given"
            try Kernel.replaceFile(path, with: Array("a backup".utf8))
            #expect(mkfifo(path + ".fifo", 0o600) == 0)
            try Kernel.mkdir(path + ".folder")
            for (path, flags, text) in [
                (path + ".fifo", O_RDWR, "no regular file"), (path + ".folder", O_RDONLY, "no regular file"),
                ("/dev/null", O_RDONLY, "no regular file"), (path, O_WRONLY, "not opened for reading"),
                (path, 0o10000000 /* O_PATH */, "not opened for reading"),
            ] {
                let file = try Kernel.open(path, flags)
                let reply = try ask(bench, request, handing: [file.number]).reply
                #expect(reply.result == "error" && reply.message.contains(text), "\(path): \(reply)")
            }
            #expect(bench.archive.restores.withLock(\.isEmpty))
            try await expectAllClosed(path, bench)
        }
    }

    @Test func descriptorsThatNobodyWantsAreRefusedAndClosed() async throws {
        try await LocalBench.run { (bench) async throws in
            let path = bench.folder + "/given"
            try Kernel.replaceFile(path, with: Array("a backup".utf8))
            do {
                let file = try Kernel.open(path, O_RDONLY)
                for operation in ["version", "backup", "create-session", "nonsense"] {
                    let reply = try ask(bench, "{\"operation\":\"\(operation)\"}", handing: [file.number]).reply
                    #expect(reply == .init(result: "error", message: "this operation takes no file"))
                }
                for count in [2, 3, 14] {
                    let files = [CInt](repeating: file.number, count: count)
                    let reply = try ask(bench, #"{"operation":"restore"}"#, handing: files).reply
                    #expect(reply == .init(result: "error", message: "a request carries one file at most"))
                }
                for text in ["{]", "[]", "hello\n"] {
                    #expect(try ask(bench, text, handing: [file.number]).reply.result == "error")
                }
                // Without a whole request, and without waiting for what the service says.
                for _ in 0..<20 {
                    let socket = try bench.probe.connect()
                    _ = [UInt8(ascii: "{")].withUnsafeBytes { Kernel.send(socket.raw, $0, handing: file.number) }
                }
            }
            #expect(await bench.registry.liveCount == 0 && bench.archive.restores.withLock(\.isEmpty))
            try await expectAllClosed(path, bench)
        }
    }
}
