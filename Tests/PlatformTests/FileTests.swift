import Core
import Glibc
import Platform
import Testing

/// A folder of a test's own, removed with what is in it.
final class TemporaryFolder {
    private let root: String

    init() throws {
        var template = Array("/tmp/fetch-system-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func path(_ name: String = "") -> String { name.isEmpty ? root : "\(root)/\(name)" }

    deinit {
        for name in (try? Kernel.names(inFolder: root)) ?? [] { _ = unlink(path(name)) }
        _ = rmdir(root)
    }
}

@Suite struct FileTests {
    @Test func anErrorNamesTheCallThePathAndTheReason() {
        let error = #expect(throws: SystemError.self) { try Kernel.contents(of: "/nowhere/file") }
        #expect(error?.description == "open /nowhere/file: No such file or directory")
        #expect(error?.code == ENOENT)
    }

    @Test func aFileIsReplacedInOneStep() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("state")
        try Kernel.replaceFile(path, with: [1, 2, 3])
        try Kernel.replaceFile(path, with: [4, 5])
        #expect(try Kernel.contents(of: path) == [4, 5])
        #expect(try Kernel.stat(path)?.mode == S_IFREG | 0o600)
        #expect(try Kernel.names(inFolder: folder.path()) == ["state"])
        #expect(throws: SystemError.self) { try Kernel.contents(of: path, limit: 1) }
        #expect(throws: SystemError.self) { try Kernel.replaceFile(folder.path("no/such"), with: []) }
    }

    @Test func contentsAreCopiedWhetherOrNotBlocksCanBeShared() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try Kernel.replaceFile(folder.path("a"), with: bytes)
        let from = try Kernel.open(folder.path("a"), O_RDONLY)
        let to = try Kernel.open(folder.path("b"), O_RDWR | O_CREAT)
        try Kernel.copyContents(from: from.number, to: to.number)
        #expect(try Kernel.contents(of: folder.path("b")) == bytes)
        #expect(try Kernel.fstat(to.number).links == 1)
    }

    @Test func aReadBeyondTheEndGivesWhatIsThere() throws {
        let folder = try TemporaryFolder()
        let file = try Kernel.open(folder.path("f"), O_RDWR | O_CREAT)
        try [1, 2, 3, 4].withUnsafeBytes { try Kernel.pwriteAll(file.number, $0, offset: 10) }
        var buffer = [UInt8](repeating: 9, count: 8)
        let count = try buffer.withUnsafeMutableBytes { try Kernel.preadFully(file.number, into: $0, offset: 8) }
        #expect(count == 8 && buffer[..<4] == [0, 0, 1, 0])
        #expect(try buffer.withUnsafeMutableBytes { try Kernel.pread(file.number, into: $0, offset: 1000) } == 0)
        try Kernel.ftruncate(file.number, 11)
        #expect(try Kernel.fstat(file.number).size == 11)
        try Kernel.fallocate(file.number, offset: 0, length: 1 << 16, keepSize: true)
        #expect(try Kernel.fstat(file.number).size == 11)
        #expect(try Kernel.fstat(file.number).sizeOnDisk >= 1 << 16)
    }

    @Test func namesAreMadeMovedAndRemoved() throws {
        let folder = try TemporaryFolder()
        #expect(try Kernel.mkdir(folder.path("d")))
        #expect(try !Kernel.mkdir(folder.path("d")))
        #expect(try Kernel.stat(folder.path("d"))?.isDirectory == true)
        try Kernel.rmdir(folder.path("d"))
        #expect(try Kernel.stat(folder.path("d")) == nil)
        try Kernel.replaceFile(folder.path("a"), with: [1])
        try Kernel.replaceFile(folder.path("b"), with: [2])
        let error = #expect(throws: SystemError.self) {
            try Kernel.renameExclusively(folder.path("a"), to: folder.path("b"))
        }
        #expect(error?.code == EEXIST)
        try Kernel.rename(folder.path("a"), to: folder.path("b"))
        #expect(try Kernel.contents(of: folder.path("b")) == [1])
        #expect(try Kernel.unlinkIfPresent(folder.path("b")))
        #expect(try !Kernel.unlinkIfPresent(folder.path("b")))
        try Kernel.syncFolder(folder.path())
    }

    @Test func aLockHasOneHolder() throws {
        let folder = try TemporaryFolder()
        var first = try FileLock.tryLock(folder.path("lock"))
        #expect(first != nil)
        #expect(try FileLock.tryLock(folder.path("lock")) == nil)
        first = nil
        #expect(try FileLock.tryLock(folder.path("lock")) != nil)
        #expect(first == nil)
    }

    @Test func theRoomOfAFileSystemIsKnown() throws {
        let space = try Kernel.space(at: "/tmp")
        #expect(space.total > 0 && space.available <= space.total)
        #expect(throws: SystemError.self) { try Kernel.space(at: "/nowhere/at/all") }
    }

    @Test func limitsAreRaisedAndNeverLowered() throws {
        let before = try ProcessLimits.current()
        let after = try ProcessLimits.raised()
        #expect(after.softDescriptors >= before.softDescriptors)
        #expect(after.softDescriptors == min(max(before.softDescriptors, 1 << 20), before.hardDescriptors))
        #expect(try ProcessLimits.raised(upTo: 3) == after)
    }

    @Test func aProcessCanBeMadeUndumpable() async {
        await #expect(processExitsWith: .success) {
            try makeProcessUndumpable()
            try #require(!processIsDumpable)
        }
    }

    @Test func randomBytesAreNotZero() throws {
        var bytes = [UInt8](repeating: 0, count: 64)
        try bytes.withUnsafeMutableBytes { try Kernel.getrandom(into: $0) }
        #expect(bytes.contains { $0 != 0 })
    }
}
