import Glibc
import Platform

/// The wget configuration that `WGETRC` names: the user's own, then ours.
enum WgetConfiguration {
    /// The bytes of the file; a later line of a wgetrc wins over an earlier one.
    static func bytes(_ access: SessionAccess, bundle: String, existing: [UInt8]) -> [UInt8] {
        var lines = [
            "# Added by fetchctl for one session.", "ca_certificate = \(bundle)", "use_proxy = on",
            "http_proxy = \(access.proxyURL)", "https_proxy = \(access.proxyURL)",
        ]
        // An empty list of ours has to win over the user's.
        lines.append("no_proxy = \(access.bypass)")
        let separator: [UInt8] = existing.isEmpty || existing.last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")]
        return existing + separator + Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// What wget would read: the file that `WGETRC` names, else `~/.wgetrc`; empty when there is none.
    static func existing(environment: ProcessEnvironment) -> [UInt8] {
        let path = environment["WGETRC"] ?? environment["HOME"].map { $0 + "/.wgetrc" }
        return path.flatMap { try? Kernel.contents(of: $0, limit: 1 << 20) } ?? []
    }
}
