internal import Platform

/// Tells one start of the machine from another.
package enum BootID {
    /// The kernel's id of this boot; empty where it cannot be read.
    package static func current() -> String {
        guard let bytes = try? Kernel.contents(of: "/proc/sys/kernel/random/boot_id", limit: 128) else { return "" }
        return String(String(decoding: bytes, as: UTF8.self).filter { $0.isHexDigit || $0 == "-" })
    }
}
