package import Platform

/// A pool was asked for more than it can hold.
package struct PoolRefusal: Error, Sendable, CustomStringConvertible {
    package var pool: String

    /// One line for the log.
    package var description: String { "the pool \(pool) is full or stopped" }
}

extension WorkerPool {
    /// Runs a blocking call on the pool, off the threads of Swift's concurrency.
    ///
    /// - Parameter body: The call.
    /// - Returns: What it returned.
    /// - Throws: What it threw, or ``PoolRefusal``.
    package func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        let result: Result<R, any Error> = await withCheckedContinuation { continuation in
            let isAccepted = submit { continuation.resume(returning: Result { try body() }) }
            if !isAccepted { continuation.resume(returning: .failure(PoolRefusal(pool: name))) }
        }
        return try result.get()
    }
}
