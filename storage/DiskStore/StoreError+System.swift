import Glibc
import Storage
import Platform

extension StoreError {
    /// Says what a failed system call means for the store.
    init(_ error: SystemError, _ operation: String) {
        let isFull = [ENOSPC, EDQUOT].contains(error.code)
        self.init(isFull ? .full : .unavailable, operation, error.description)
    }

    /// Runs system calls, giving their failures the name of the operation.
    static func during<R: ~Copyable>(
        _ operation: @autoclosure () -> String, _ body: () throws(SystemError) -> R
    ) throws(StoreError) -> R {
        do {
            return try body()
        } catch {
            throw StoreError(error, operation())
        }
    }
}
