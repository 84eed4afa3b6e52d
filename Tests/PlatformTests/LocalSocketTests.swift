import Foundation
import Glibc
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct LocalSocketTests {
    private let folder = NSTemporaryDirectory() + "local-" + UUID().uuidString

    /// Binds, connects and accepts at a path in a folder, which is made and removed again.
    private func connect(at path: String) throws -> UInt32? {
        let listener = try Kernel.localSocket()
        try Kernel.fchmod(listener.number, 0o600)
        try Kernel.bindLocal(listener.number, path)
        try Kernel.listen(listener.number, backlog: 4)
        let client = try Kernel.localSocket()
        try Kernel.connectLocal(client.number, path)
        wait(for: listener.number)
        guard case .accepted(let server, _) = Kernel.accept4(listener.number) else { return nil }
        #expect([1, 2].withUnsafeBytes { Kernel.send(client.number, $0) } == .count(16))
        #expect(receive(server.number, 16).count == 16)
        return Kernel.peerUser(server.number)
    }

    @Test(arguments: [10, 60, 200])
    func aSocketIsReachedAtAPathOfAnyLength(folders length: Int) throws {
        let inner = folder + "/" + String(repeating: "x", count: length)
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = inner + "/socket"
        #expect(try connect(at: path) == geteuid())
        let status = try #require(try Kernel.statusOfLink(path))
        #expect(status.isSocket && status.mode & 0o777 == 0o600)
    }

    @Test func whatCannotBeAnAddressIsAnError() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = try Kernel.localSocket()
        for (path, code) in [
            ("", EINVAL), ("a\0b", EINVAL), (String(repeating: "x", count: 200), ENAMETOOLONG),
            (folder + "/" + String(repeating: "x", count: 120), ENAMETOOLONG), (folder + "/no/socket", ENOENT),
        ] {
            let error = #expect(throws: SystemError.self) { try Kernel.bindLocal(socket.number, path) }
            #expect(error?.code == code, "\(path)")
        }
        let error = #expect(throws: SystemError.self) {
            try Kernel.connectLocal(socket.number, folder + "/nothing")
        }
        #expect(error?.code == ENOENT)
        #expect(try Kernel.statusOfLink(folder + "/nothing") == nil)
    }

    @Test func aLinkIsNotFollowed() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "/dev/null")
        let status = try #require(try Kernel.statusOfLink(folder + "/link"))
        #expect(!status.isSocket && !status.isRegular && !status.isDirectory)
    }
}
