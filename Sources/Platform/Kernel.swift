import Glibc

/// The system calls, one function each.
///
/// All retry `EINTR`. Those that move bytes between processes or wait for others give an ``IOResult``, so that "not now"
/// is a value; those that are expected to work throw ``SystemError``. `EBADF` and `EFAULT` trap: they mean that we have
/// already lost track of a descriptor or a buffer, and going on would touch somebody else's.
package enum Kernel {
    /// Repeats `call` while it is interrupted, and sorts out its result.
    ///
    /// With `mayFault`, bytes that cannot be had are a failure (`EFAULT`) and not a lost buffer.
    @inline(__always)
    static func moving(_ name: StaticString, mayFault: Bool = false, _ call: () -> Int) -> IOResult {
        while true {
            let result = call()
            if result >= 0 { return .count(result) }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return .wouldBlock }
            if mayFault, code == EFAULT { return .failed(code) }
            trapOnLostResource(name, code)
            return .failed(code)
        }
    }

    /// Repeats `call` while it is interrupted, and throws when it fails.
    ///
    /// `name` (the call) and `detail` (what it was about: a path) are for the error.
    @inline(__always)
    @discardableResult
    static func checked<Result: SignedInteger>(
        _ name: StaticString, _ detail: @autoclosure () -> String = "", _ call: () -> Result
    ) throws(SystemError) -> Result {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code == EINTR { continue }
            trapOnLostResource(name, code)
            let detail = detail()
            throw SystemError(call: detail.isEmpty ? "\(name)" : "\(name) \(detail)", code: code)
        }
    }

    private static func trapOnLostResource(_ name: StaticString, _ code: CInt) {
        precondition(code != EBADF && code != EFAULT, "\(name): \(SystemError.text(of: code))")
    }
}
