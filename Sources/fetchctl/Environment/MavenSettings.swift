import Core
import Glibc
import System
import Wire

/// The global settings that Maven reads: those of the installation, with our proxy.
///
/// Maven takes proxies with credentials from its settings only. The property `maven.conf` names the folder of the global
/// ones; the user's own in `~/.m2` are read as ever and win over them.
enum MavenSettings {
    /// The settings file.
    ///
    /// - Parameters:
    ///   - access: The proxy and the session.
    ///   - existing: The installation's settings, empty when there are none.
    /// - Returns: `nil` when the existing ones name proxies themselves, or are not understood; Maven then keeps them.
    static func text(_ access: SessionAccess, existing: String) -> String? {
        guard !existing.isEmpty else {
            return "<settings xmlns=\"http://maven.apache.org/SETTINGS/1.0.0\">\n\(proxies(access))\n</settings>\n"
        }
        guard let bare = withoutComments(existing), !bare.contains("<proxy>") else { return nil }
        // An element of settings may stand only once, so an empty list makes room for ours.
        let emptied = bare.replacing(/<proxies>\s*<\/proxies>|<proxies\s*\/>/, with: "")
        guard !emptied.contains("<proxies"), let end = emptied.firstRange(of: "</settings>") else { return nil }
        return String(emptied[..<end.lowerBound]) + proxies(access) + "\n" + String(emptied[end.lowerBound...])
    }

    private static func proxies(_ access: SessionAccess) -> String {
        let entries = ["http", "https"].map { scheme in
            """
            <proxy><id>fetchctl-\(scheme)</id><active>true</active><protocol>\(scheme)</protocol>\
            <host>\(access.proxy.authority.host)</host><port>\(access.proxy.authority.port)</port>\
            <username>\(access.id)</username><password>\(access.token)</password>\
            <nonProxyHosts>\(escaped(JavaOptions.nonProxyHosts(access.bypass)))</nonProxyHosts></proxy>
            """
        }
        return "<proxies>\n\(entries.joined(separator: "\n"))\n</proxies>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }

    /// The text without `<!-- … -->`; `nil` when a comment does not end.
    private static func withoutComments(_ text: String) -> String? {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "<!--") {
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstRange(of: "-->") else { return nil }
            rest = rest[end.upperBound...]
        }
        return result + rest
    }

    /// The global settings of the Maven of this environment; empty when there is none.
    static func existing(environment: ProcessEnvironment) -> String {
        var homes = ["MAVEN_HOME", "M2_HOME"].compactMap { environment[$0] }
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            guard let program = realpath(folder + "/mvn", nil) else { continue }
            defer { free(program) }
            let path = String(cString: program)
            if path.hasSuffix("/bin/mvn") { homes.append(String(path.dropLast("/bin/mvn".count))) }
        }
        for home in homes {
            if let bytes = try? Kernel.contents(of: home + "/conf/settings.xml", limit: 1 << 20) {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return ""
    }
}
