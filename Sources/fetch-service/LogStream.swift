import Glibc
import Platform

/// Writes the log to a stream that somebody else reads, or does not: nothing ever waits for that reader.
///
/// Whoever starts the service with a pipe and reads it only when something has gone wrong must not stop it once the pipe is
/// full. What does not fit is lost, and counted: the first line that fits again says how many went before it.
final class LogStream: Sendable {
    private let descriptor: CInt
    /// Lines that were lost since the last one that was written, and whether the last one is whole.
    private let state = Lock((lost: 0, isTorn: false))

    /// Bytes that a pipe takes at once when it takes any (PIPE_BUF, pipe(7)); other streams have room for more.
    private static let piece = 4096

    /// Writes to a descriptor that stays open.
    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// Writes a line, as far as it can be without waiting.
    ///
    /// - Parameters:
    ///   - line: The line, with its end.
    ///   - notice: Makes the line that says how many went lost before it.
    func write(_ line: String, notice: (_ lost: Int) -> String) {
        state.withLock { state in
            var text = state.isTorn ? "\n" : ""
            if state.lost > 0 { text += notice(state.lost) }
            let bytes = Array((text + line).utf8)
            let count = written(bytes)
            if count == bytes.count {
                state = (0, false)
            } else {
                state.lost += 1
                if count > 0 { state.isTorn = true }
            }
        }
    }

    /// How many of the bytes could be written.
    private func written(_ bytes: [UInt8]) -> Int {
        var done = 0
        while done < bytes.count {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { break }
            let end = min(done + Self.piece, bytes.count)
            guard case .count(let count) = bytes[done..<end].withUnsafeBytes({ Kernel.write(descriptor, $0) }),
                count > 0
            else { break }
            done += count
        }
        return done
    }
}
