import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@Suite struct FileTests {
    @Test func anErrorNamesTheCallThePathAndTheReason() {
        let error = #expect(throws: SystemError.self) { try Kernel.contents(of: "/nowhere/file") }
        #expect(error?.description == "open /nowhere/file: No such file or directory")
        #expect(error?.code == ENOENT)
    }

    @Test func aFileIsReplacedInOneStep() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state")
        try Kernel.replaceFile(path, with: [1, 2, 3])
        try Kernel.replaceFile(path, with: [4, 5])
        #expect(try Kernel.contents(of: path) == [4, 5])
        #expect(try Kernel.stat(path)?.mode == S_IFREG | 0o600)
        #expect(try Kernel.names(inFolder: folder.path) == ["state"])
        #expect(throws: SystemError.self) { try Kernel.contents(of: path, limit: 1) }
        #expect(throws: SystemError.self) { try Kernel.replaceFile(folder.file("no/such"), with: []) }
    }

    @Test func contentsAreCopiedWhetherOrNotBlocksCanBeShared() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try Kernel.replaceFile(folder.file("a"), with: bytes)
        let from = try Kernel.open(folder.file("a"), O_RDONLY)
        let to = try Kernel.open(folder.file("b"), O_RDWR | O_CREAT)
        try Kernel.copyContents(from: from.number, to: to.number)
        #expect(try Kernel.contents(of: folder.file("b")) == bytes)
        #expect(try Kernel.fstat(to.number).links == 1)
    }

    @Test func aReadBeyondTheEndGivesWhatIsThere() throws {
        let folder = try TemporaryFolder()
        let file = try Kernel.open(folder.file("f"), O_RDWR | O_CREAT)
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
        #expect(try Kernel.mkdir(folder.file("d")))
        #expect(try !Kernel.mkdir(folder.file("d")))
        #expect(try Kernel.stat(folder.file("d"))?.isDirectory == true)
        try Kernel.rmdir(folder.file("d"))
        #expect(try Kernel.stat(folder.file("d")) == nil)
        try Kernel.replaceFile(folder.file("a"), with: [1])
        try Kernel.replaceFile(folder.file("b"), with: [2])
        let error = #expect(throws: SystemError.self) {
            try Kernel.renameExclusively(folder.file("a"), to: folder.file("b"))
        }
        #expect(error?.code == EEXIST)
        try Kernel.rename(folder.file("a"), to: folder.file("b"))
        #expect(try Kernel.contents(of: folder.file("b")) == [1])
        #expect(try Kernel.unlinkIfPresent(folder.file("b")))
        #expect(try !Kernel.unlinkIfPresent(folder.file("b")))
        try Kernel.syncFolder(folder.path)
    }

    @Test func aLockHasOneHolder() throws {
        let folder = try TemporaryFolder()
        var first = try FileLock.tryLock(folder.file("lock"))
        #expect(first != nil)
        #expect(try FileLock.tryLock(folder.file("lock")) == nil)
        first = nil
        #expect(try FileLock.tryLock(folder.file("lock")) != nil)
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
