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

    // MARK: Descriptors

    private func pair() throws -> (SharedDescriptor, SharedDescriptor) {
        var numbers: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &numbers) == 0)
        return (SharedDescriptor(adopting: numbers[0]), SharedDescriptor(adopting: numbers[1]))
    }

    private func recv(_ socket: SharedDescriptor, _ count: Int) -> (bytes: [UInt8], files: [SharedDescriptor]) {
        var bytes = [UInt8](repeating: 0, count: count)
        var files: [SharedDescriptor] = []
        let result = bytes.withUnsafeMutableBytes { Kernel.recv(socket.raw, into: $0, descriptors: &files) }
        guard case .count(let got) = result else { return ([], files) }
        return (Array(bytes.prefix(got)), files)
    }

    @Test func aDescriptorArrivesWithTheFirstByteAndIsClosedOnExec() throws {
        let (here, there) = try pair()
        let path = folder + ".file"
        defer { unlink(path) }
        try Kernel.replaceFile(path, with: [7, 8, 9])
        do {
            let file = try Kernel.open(path, O_RDONLY)
            #expect([1, 2, 3].withUnsafeBytes { Kernel.send(here.raw, $0, handing: file.number) } == .count(24))
        }
        let first = recv(there, 1)
        #expect(first.bytes == [1] && first.files.count == 1)
        let rest = recv(there, 99)
        #expect(rest.bytes.count == 23 && rest.files.isEmpty)
        let file = try #require(first.files.first)
        #expect(fcntl(file.raw, F_GETFD) & FD_CLOEXEC != 0)
        #expect(try Kernel.fstat(file.raw).size == 3)
        #expect([4].withUnsafeBytes { Kernel.send(here.raw, $0) } == .count(8))
        #expect(recv(there, 99).files.isEmpty)
    }

    @Test(arguments: [2, 3, 200])
    func ofManyDescriptorsTwoArriveAndNoneIsLeftOpen(_ count: Int) throws {
        let (here, there) = try pair()
        // A pipe whose last writer has gone is at its end: so it shows whether a copy is open anywhere.
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        let reader = SharedDescriptor(adopting: ends[0])
        let length = MemoryLayout<cmsghdr>.size + 4 * count
        var control = [UInt8](repeating: 0, count: (length + 7) & ~7)
        var byte: UInt8 = 1
        control.withUnsafeMutableBytes { control in
            var head = cmsghdr()
            head.cmsg_len = length
            head.cmsg_level = SOL_SOCKET
            head.cmsg_type = 1
            control.storeBytes(of: head, as: cmsghdr.self)
            for place in 0..<count { control.storeBytes(of: ends[1], toByteOffset: 16 + 4 * place, as: CInt.self) }
            withUnsafeMutableBytes(of: &byte) { byte in
                var part = iovec(iov_base: byte.baseAddress, iov_len: 1)
                withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    #expect(sendmsg(here.raw, &message, 0) == 1)
                }
            }
        }
        close(ends[1])
        #expect(recv(there, 9).files.count == 2)
        wait(for: reader.raw)
        #expect(recv(pipe: reader) == 0)
    }

    private func recv(pipe: SharedDescriptor) -> Int {
        var byte: UInt8 = 0
        return read(pipe.raw, &byte, 1)
    }

    @Test func whatCannotBeReadIsToldFromWhatCan() throws {
        let path = folder + ".file"
        defer { unlink(path) }
        try Kernel.replaceFile(path, with: [7])
        for (flags, isReadable) in [
            (O_RDONLY, true), (O_RDWR, true), (O_WRONLY, false), (0o10000000 /* O_PATH */, false),
        ] {
            let file = try Kernel.open(path, flags)
            #expect(try Kernel.isReadable(file.number) == isReadable)
        }
    }
}
