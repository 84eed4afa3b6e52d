import CLinux
import Glibc

/// What a descriptor is watched for, or was found to be (epoll_ctl(2)).
package struct EventMask: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = EventMask(rawValue: EPOLLIN.rawValue)
    package static let writable = EventMask(rawValue: EPOLLOUT.rawValue)
    /// The peer has ended its side.
    package static let peerClosed = EventMask(rawValue: EPOLLRDHUP.rawValue)
    /// Always watched.
    package static let error = EventMask(rawValue: EPOLLERR.rawValue)
    /// Always watched.
    package static let hangUp = EventMask(rawValue: EPOLLHUP.rawValue)
    /// Tell of changes only.
    package static let edgeTriggered = EventMask(rawValue: linux_epoll_edge())
    /// Wake one of the loops that watch this descriptor, not all.
    package static let exclusive = EventMask(rawValue: linux_epoll_exclusive())

    // Worked out once: the sets are asked for at every event.
    private static let anyReadable = readable.rawValue | peerClosed.rawValue | error.rawValue | hangUp.rawValue
    private static let anyWritable = writable.rawValue | error.rawValue | hangUp.rawValue
    private static let anyHangUp = peerClosed.rawValue | error.rawValue | hangUp.rawValue

    /// A read will give bytes, the peer's end or an error.
    package var allowsRead: Bool { rawValue & Self.anyReadable != 0 }
    /// A write will take bytes or give an error.
    package var allowsWrite: Bool { rawValue & Self.anyWritable != 0 }
    /// The peer has ended its side, or the connection is broken.
    package var tellsEnd: Bool { rawValue & Self.anyHangUp != 0 }
}

/// An epoll instance; `wait` is for one thread, the rest for any.
package final class EventPoll: @unchecked Sendable {
    private let descriptor: SharedDescriptor
    // Used by the one thread that waits.
    private let ready: UnsafeMutableBufferPointer<epoll_event>

    /// Makes an instance; `batch` is how many events one `wait` delivers at most.
    package init(batch: Int = 512) throws(SystemError) {
        let raw = try Kernel.checked("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) }
        descriptor = SharedDescriptor(adopting: raw)
        ready = .allocate(capacity: batch)
    }

    /// Starts watching a descriptor; `token` comes back with each of its events.
    package func add(_ fd: CInt, _ events: EventMask, token: UInt64) throws(SystemError) {
        try control(EPOLL_CTL_ADD, fd, events, token)
    }

    package func modify(_ fd: CInt, _ events: EventMask, token: UInt64) throws(SystemError) {
        try control(EPOLL_CTL_MOD, fd, events, token)
    }

    /// Stops watching; closing the last copy of a descriptor does so as well.
    package func remove(_ fd: CInt) throws(SystemError) {
        try control(EPOLL_CTL_DEL, fd, [], 0)
    }

    /// Waits for events and hands each to `body`.
    ///
    /// The timeout is in milliseconds; 0 does not wait, -1 waits for ever. Gives the number of events, 0 also when a
    /// signal came.
    @discardableResult
    package func wait(timeout: CInt, _ body: (_ token: UInt64, _ events: EventMask) -> Void) throws(SystemError) -> Int
    {
        let count = epoll_wait(descriptor.raw, ready.baseAddress, CInt(ready.count), timeout)
        guard count >= 0 else {
            let code = errno
            guard code == EINTR else { throw SystemError(call: "epoll_wait", code: code) }
            return 0
        }
        for event in ready[..<Int(count)] { body(event.data.u64, EventMask(rawValue: event.events)) }
        return Int(count)
    }

    private func control(_ operation: CInt, _ fd: CInt, _ events: EventMask, _ token: UInt64) throws(SystemError) {
        var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: token))
        try Kernel.checked("epoll_ctl") { epoll_ctl(descriptor.raw, operation, fd, &event) }
    }

    deinit { ready.deallocate() }
}

/// Wakes a thread that waits in an ``EventPoll`` (eventfd(2)): watch ``raw`` for `.readable`.
package final class WakeSignal: Sendable {
    private let descriptor: SharedDescriptor

    package init() throws(SystemError) {
        let flags = CInt(EFD_NONBLOCK | EFD_CLOEXEC)
        descriptor = SharedDescriptor(adopting: try Kernel.checked("eventfd") { eventfd(0, flags) })
    }

    package var raw: CInt { descriptor.raw }

    /// Makes it readable, until ``clear()``; from any thread.
    package func raise() {
        var one: UInt64 = 1
        // EAGAIN would mean that 2^64 - 2 wake-ups wait already.
        _ = withUnsafeBytes(of: &one) { Kernel.write(raw, $0) }
    }

    /// Takes all wake-ups that came so far.
    package func clear() {
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { Kernel.read(raw, into: $0) }
    }
}
