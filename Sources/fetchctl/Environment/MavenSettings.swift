import Core
import Glibc
import Platform
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

    /// How Maven's log looks unless its `conf/logging` says otherwise; without the file it would look foreign.
    private static let logging = """
        org.slf4j.simpleLogger.defaultLogLevel=info
        org.slf4j.simpleLogger.showDateTime=false
        org.slf4j.simpleLogger.showThreadName=false
        org.slf4j.simpleLogger.showLogName=false
        org.slf4j.simpleLogger.logFile=System.out
        org.slf4j.simpleLogger.cacheOutputStream=true
        org.slf4j.simpleLogger.levelInBrackets=true
        org.slf4j.simpleLogger.warnLevelString=WARNING

        """

    /// Makes a folder like the installation's `conf`, but with our settings.
    ///
    /// - Parameters:
    ///   - folder: Gets the folder `maven`.
    ///   - access: The proxy and the session.
    ///   - installation: The `conf` of the Maven of this environment, where there is one.
    /// - Returns: The folder, `nil` when Maven has to keep its own.
    /// - Throws: ``SystemError``.
    static func write(
        to folder: SessionFolder, _ access: SessionAccess, installation: String?
    ) throws(SystemError) -> String? {
        let existing = installation.flatMap { try? Kernel.contents(of: $0 + "/settings.xml", limit: 1 << 20) } ?? []
        guard let text = text(access, existing: String(decoding: existing, as: UTF8.self)) else { return nil }
        try folder.makeFolder("maven")
        try folder.write("maven/settings.xml", Array(text.utf8), secret: true)
        let others = installation.flatMap { try? Kernel.names(inFolder: $0) } ?? []
        for name in others where name != "settings.xml" {
            try folder.link("maven/" + name, to: (installation ?? "") + "/" + name)
        }
        if !others.contains("logging") {
            try folder.makeFolder("maven/logging")
            try folder.write("maven/logging/simplelogger.properties", Array(logging.utf8), secret: true)
        }
        return folder.file("maven")
    }

    /// The `conf` of the Maven that a command would run; `nil` when none is installed.
    static func installation(environment: ProcessEnvironment) -> String? {
        var homes = ["MAVEN_HOME", "M2_HOME"].compactMap { environment[$0] }
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            guard let program = realpath(folder + "/mvn", nil) else { continue }
            defer { free(program) }
            let path = String(cString: program)
            if path.hasSuffix("/bin/mvn") { homes.append(String(path.dropLast("/bin/mvn".count))) }
        }
        return homes.map { $0 + "/conf" }.first { access($0 + "/settings.xml", R_OK) == 0 }
    }
}
