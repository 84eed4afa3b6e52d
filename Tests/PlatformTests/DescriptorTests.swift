import Glibc
import Platform
import Testing

private func isOpen(_ fd: CInt) -> Bool { fcntl(fd, F_GETFD) >= 0 }

// Serialised: a number that was closed may be given out again to a test beside.
@Suite(.serialized) struct DescriptorTests {
    /// A number so high that nobody else is given it.
    private func open(at wanted: CInt) throws -> CInt {
        let file = try Kernel.open("/dev/null", O_RDONLY)
        let raw = fcntl(file.number, F_DUPFD_CLOEXEC, wanted)
        try #require(raw >= 0)
        return raw
    }

    @Test func anOwnedDescriptorIsClosedWhenItGoes() throws {
        let raw = try open(at: 900)
        do {
            let owned = OwnedDescriptor(adopting: raw)
            #expect(owned.withRaw { isOpen($0) })
        }
        #expect(!isOpen(raw))
    }

    @Test func closingReportsAndHappensOnce() throws {
        let raw = try open(at: 910)
        try OwnedDescriptor(adopting: raw).close()
        #expect(!isOpen(raw))
    }

    @Test func aReleasedDescriptorStaysOpen() throws {
        let raw = try open(at: 920)
        let number = OwnedDescriptor(adopting: raw).release()
        #expect(isOpen(number))
        #expect(close(number) == 0)
    }

    @Test func aSharedDescriptorIsClosedByTheLastHolder() throws {
        let raw = try open(at: 930)
        var first: SharedDescriptor? = SharedDescriptor(adopting: OwnedDescriptor(adopting: raw))
        var second = first
        first = nil
        #expect(second?.raw == raw && isOpen(raw))
        second = nil
        #expect(first == nil && second == nil)
        #expect(!isOpen(raw))
    }

    @Test func usingADescriptorThatIsNotOursTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = Kernel.send(987, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
