import Glibc
import Platform
import Testing

@Suite struct SecretFileTests {
    private func secret(_ text: String) -> SecretBytes {
        var bytes = Array(text.utf8)
        return SecretBytes(taking: &bytes)
    }

    /// Another descriptor of the same file, as another process has one.
    private func copy(of descriptor: SharedDescriptor) -> CInt { dup(descriptor.raw) }

    @Test func `what one holds the other reads, until it is wiped`() throws {
        let file = try SecretFile("test", holding: secret("hunter2"))
        let other = try #require(SecretFile(adopting: copy(of: file.descriptor)))
        #expect(try other.contents().copy() == Array("hunter2".utf8))
        #expect(fcntl(other.descriptor.raw, F_GETFD) & FD_CLOEXEC != 0)
        try other.wipe()
        #expect(try file.contents().copy() == [])
    }

    @Test func `wiped bytes make an empty file`() throws {
        let bytes = secret("hunter2")
        bytes.wipe()
        #expect(try SecretFile("test", holding: bytes).contents().count == 0)
    }

    @Test func `it is in no folder`() throws {
        let file = try SecretFile("test", holding: secret("x"))
        var status = stat()
        #expect(fstat(file.descriptor.raw, &status) == 0 && status.st_nlink == 0)
    }

    @Test func `other files and sockets are not taken over`() throws {
        for descriptor in [open("/dev/null", O_RDONLY), socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)] {
            #expect(SecretFile(adopting: descriptor) == nil)
            #expect(close(descriptor) == 0)
        }
        #expect(SecretFile(adopting: 9999) == nil)
    }

    @Test func `a file that is too large is not read`() throws {
        let file = try SecretFile("test", holding: secret("x"))
        #expect(ftruncate(file.descriptor.raw, off_t(SecretFile.largest) + 1) == 0)
        #expect(throws: SystemError.self) { try file.contents() }
    }
}
