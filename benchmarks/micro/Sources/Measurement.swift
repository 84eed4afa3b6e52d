import Glibc

/// One thing that is measured: an operation that can be repeated.
struct Measurement {
    /// What it is called in the thresholds file.
    var name: String
    /// How often it is done.
    var repetitions: Int
    /// Does it once, for the given number, and returns something that depends on its result.
    var operation: (Int) throws -> Int
}

/// What one operation took, on average.
struct Cost {
    var allocations: Double
    var bytes: Double
    var nanoseconds: Double

    /// Measures after a tenth of the repetitions have filled caches and pools.
    static func of(_ measurement: Measurement, counter: AllocationCounter, checksum: inout Int) throws -> Cost {
        let first = measurement.repetitions / 10 + 1
        for number in 0..<first { checksum &+= try measurement.operation(number) }
        let calls = counter.calls
        let bytes = counter.bytes
        let started = processorTime()
        for number in first..<first + measurement.repetitions { checksum &+= try measurement.operation(number) }
        let used = processorTime() - started
        let count = Double(measurement.repetitions)
        return Cost(
            allocations: Double(counter.calls - calls) / count, bytes: Double(counter.bytes - bytes) / count,
            nanoseconds: Double(used) / count)
    }

    /// Nanoseconds that all threads of this process have used.
    private static func processorTime() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
