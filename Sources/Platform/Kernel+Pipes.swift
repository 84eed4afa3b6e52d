import CLinux
import Glibc

/// Two descriptors that belong together; take them out with `take()`.
package struct DescriptorPair: ~Copyable {
    package var first: OwnedDescriptor
    package var second: OwnedDescriptor

    package init(_ first: consuming OwnedDescriptor, _ second: consuming OwnedDescriptor) {
        self.first = first
        self.second = second
    }

    /// Gives both away.
    package consuming func take<R: ~Copyable, E: Error>(
        _ body: (consuming OwnedDescriptor, consuming OwnedDescriptor) throws(E) -> R
    ) throws(E) -> R {
        try body(first, second)
    }
}

extension Kernel {
    /// Makes a pipe, non-blocking and closed on `exec`; `first` is the end to read, `second` the end to write.
    package static func pipe2() throws(SystemError) -> DescriptorPair {
        var pair: [CInt] = [-1, -1]
        try checked("pipe2") { linux_pipe(&pair) }
        return DescriptorPair(OwnedDescriptor(adopting: pair[0]), OwnedDescriptor(adopting: pair[1]))
    }

    /// Asks for a capacity; returns what the pipe has then.
    package static func setPipeSize(_ fd: CInt, _ size: Int) throws(SystemError) -> Int {
        Int(try checked("fcntl F_SETPIPE_SZ") { linux_set_pipe_size(fd, CInt(clamping: size)) })
    }

    /// Moves bytes between a pipe and another descriptor without copying, never blocking on the pipe.
    ///
    /// With `more`, more follows at once (`SPLICE_F_MORE`); for a socket.
    package static func splice(from: CInt, to: CInt, count: Int, more: Bool = false) -> IOResult {
        moving("splice") { linux_splice(from, nil, to, count, more ? 1 : 0) }
    }

    /// Moves bytes from a place in a file into a pipe.
    package static func splice(from file: CInt, offset: Int64, to pipe: CInt, count: Int) -> IOResult {
        var offset = offset
        return moving("splice") { linux_splice(file, &offset, pipe, count, 0) }
    }

    /// Moves bytes from a pipe to a place in a file.
    package static func splice(from pipe: CInt, to file: CInt, offset: Int64, count: Int) -> IOResult {
        var offset = offset
        return moving("splice") { linux_splice_to_offset(pipe, file, &offset, count) }
    }

    /// Duplicates bytes of one pipe into another without consuming them.
    package static func tee(from: CInt, to: CInt, count: Int) -> IOResult {
        moving("tee") { linux_tee(from, to, count) }
    }

    /// Sends a range of a file to a socket.
    package static func sendfile(to socket: CInt, from file: CInt, offset: Int64, count: Int) -> IOResult {
        var offset = off_t(offset)
        return moving("sendfile") { Glibc.sendfile(socket, file, &offset, count) }
    }
}
