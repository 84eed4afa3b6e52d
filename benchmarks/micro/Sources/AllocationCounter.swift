import Glibc

/// Reads the counters of the preloaded `allocations.c`.
struct AllocationCounter {
    private typealias Read = @convention(c) () -> UInt

    private let readCalls: Read
    private let readBytes: Read

    /// Finds the counters; `nil` when the library is not preloaded.
    init?() {
        // `RTLD_DEFAULT` is a null pointer here.
        guard let calls = dlsym(nil, "fetch_allocation_calls"), let bytes = dlsym(nil, "fetch_allocation_bytes") else {
            return nil
        }
        readCalls = unsafeBitCast(calls, to: Read.self)
        readBytes = unsafeBitCast(bytes, to: Read.self)
    }

    /// Calls of malloc and its kin so far, in all threads.
    var calls: UInt { readCalls() }

    /// Bytes asked for so far, in all threads.
    var bytes: UInt { readBytes() }
}
