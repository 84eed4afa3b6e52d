import Core
import Foundation
import Glibc
import Platform

/// What the kernel tells about another process.
struct ProcessFacts {
    let process: pid_t

    /// Bytes of memory in use.
    var residentBytes: Int {
        let status = (try? Kernel.contents(of: "/proc/\(process)/status")) ?? []
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// The sockets, pipes and bodies that it has open; `nil` when we may not look, as it is not dumpable.
    ///
    /// Databases and segment files are opened when first needed, and stay open.
    var descriptorsOfExchanges: [String]? {
        descriptors?.filter { link in
            link.hasPrefix("socket:") || link.hasPrefix("pipe:")
                || link.contains("/content/") && !link.contains("/segments/")
        }
    }

    /// What it has open; `nil` when we may not look.
    var descriptors: [String]? {
        guard let names = try? Kernel.names(inFolder: "/proc/\(process)/fd") else { return nil }
        return names.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\($0)")
        }
    }
}

/// The machine that the tests run on.
enum Machine {
    /// A deadline for a machine with nothing else to do, stretched for this one, which may be held up at any moment and has
    /// other work.
    ///
    /// Whatever waits for something that does not come, for a deadline or the next round of a clock, takes longer still.
    static func patience(_ limit: Duration) -> Duration {
        var load = [0.0]
        guard getloadavg(&load, 1) == 1 else { return limit * 4 }
        return limit * (4 * max(1, load[0] / Double(ProcessInfo.processInfo.activeProcessorCount)))
    }

    /// The home of who runs the tests, where some programs keep what they are made of.
    static let home = ProcessInfo.processInfo.environment["HOME"] ?? "/"

    /// Whether tests that take minutes are wanted.
    static let runsLongTests = ProcessInfo.processInfo.environment["FETCH_SERVICE_LONG_TESTS"] != nil
}

/// Looks again and again until something holds; `false` when it never did.
func eventually(atMost limit: Duration = .seconds(20), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = MonotonicTime.now() + limit
    while try !condition() {
        guard MonotonicTime.now() < deadline else { return false }
        usleep(5000)
    }
    return true
}
