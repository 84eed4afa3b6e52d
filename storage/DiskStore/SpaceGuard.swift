import Storage
import Platform

/// Sees to it that a minimum stays free on the file system.
///
/// Asking the kernel costs a call, so bytes are granted from an allowance that is small beside what is left: between two
/// questions at most 16 MiB, or a quarter of what is left, are written.
final class SpaceGuard: Sendable {
    private static let largestAllowance: Int64 = 16 << 20

    private let path: String
    private let files: FileCalls
    private let minFree: Int64?
    /// Bytes that may be written before the kernel is asked again.
    private let allowance = Lock<Int64>(0)

    init(path: String, files: FileCalls, minFree: Int64?) {
        self.path = path
        self.files = files
        self.minFree = minFree
    }

    /// Bytes that may still be written; 0 when the kernel does not say.
    func left() -> Int64 {
        do {
            let space = try files.space(path)
            return max(0, space.available - (minFree ?? min(256 << 20, space.total / 50)))
        } catch {
            return 0
        }
    }

    /// Lets bytes be written, or throws `.full`.
    func admit(_ count: Int64, _ operation: @autoclosure () -> String) throws(StoreError) {
        let isGranted = allowance.withLock { allowance in
            guard allowance >= count else { return false }
            allowance -= count
            return true
        }
        if isGranted { return }
        let left = left()
        guard left >= count, left > 0 else {
            throw StoreError(.full, operation(), "only the minimum of free space is left on \(path)")
        }
        allowance.withLock { $0 = max(0, min(left / 4, Self.largestAllowance) - count) }
    }
}
