internal import CLinux
import Glibc

/// What this process uses of its machine.
package struct ProcessUsage: Sendable {
    /// Time of processors that it has used, by itself and by the kernel for it.
    package var processorTime: Duration
    /// Bytes of memory that are really there.
    package var residentBytes: Int
    /// Bytes of its address space.
    package var virtualBytes: Int
    /// Descriptors that are open.
    package var openDescriptors: Int

    /// Asks the kernel.
    ///
    /// - Returns: What it says; counting descriptors takes time in proportion to their number.
    /// - Throws: ``SystemError`` when `/proc` cannot be read.
    package static func current() throws(SystemError) -> ProcessUsage {
        var usage = rusage()
        try Kernel.checked("getrusage") { getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) }
        let time =
            Duration.seconds(Int64(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec))
            + .microseconds(Int64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec))
        // proc(5), /proc/pid/statm: "size resident shared …", in pages.
        let numbers = String(decoding: try Kernel.contents(of: "/proc/self/statm"), as: UTF8.self)
            .split(separator: " ").prefix(2).map { Int($0) ?? 0 }
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        return ProcessUsage(
            processorTime: time, residentBytes: (numbers.last ?? 0) * page, virtualBytes: (numbers.first ?? 0) * page,
            openDescriptors: try openDescriptorCount())
    }

    /// How many descriptors are open.
    package static func openDescriptorCount() throws(SystemError) -> Int {
        // The folder itself is open while it is read.
        max(0, try Kernel.names(inFolder: "/proc/self/fd").count - 1)
    }
}
