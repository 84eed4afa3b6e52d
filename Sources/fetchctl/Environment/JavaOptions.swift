import Core
import Wire

/// What every JVM is told: which certificates to trust, and which proxy to use.
enum JavaOptions {
    /// The options, to be appended to `JAVA_TOOL_OPTIONS`; they hold no secret, since a JVM prints them.
    ///
    /// The user and the token come from a file (`-XX:VMOptionsFile`, JDK 9; an older one ignores it).
    static func text(_ access: SessionAccess, files: SessionFiles) -> String {
        let (host, port) = (access.proxy.authority.host, access.proxy.authority.port)
        var options = [
            "-Djavax.net.ssl.trustStore=\(files.javaTrustStore)",
            "-Djavax.net.ssl.trustStoreType=jks",
            "-Djavax.net.ssl.trustStorePassword=\(JavaTrustStore.password)",
        ]
        for scheme in ["http", "https"] {
            options += ["-D\(scheme).proxyHost=\(host)", "-D\(scheme).proxyPort=\(port)"]
        }
        options += [
            "-Dhttp.nonProxyHosts=\(nonProxyHosts(access.bypass))",
            // Java refuses to send Basic credentials for a CONNECT unless this list is empty.
            "-Djdk.http.auth.tunneling.disabledSchemes=",
        ]
        if let folder = files.mavenFolder { options.append("-Dmaven.conf=\(folder)") }
        options += [
            "-XX:+IgnoreUnrecognizedVMOptions", "-XX:VMOptionsFile=\(files.javaOptions)",
        ]
        return options.map(quoted).joined(separator: " ")
    }

    /// The contents of the file with the credentials.
    static func secrets(_ access: SessionAccess) -> String {
        ["http", "https"].flatMap { scheme in
            ["-D\(scheme).proxyUser=\(access.id)", "-D\(scheme).proxyPassword=\(access.token)"]
        }.joined(separator: "\n") + "\n"
    }

    /// The list with `|` between its entries, as Java writes it; it knows no networks, so those are left out.
    static func nonProxyHosts(_ bypass: String) -> String {
        bypass.split(separator: ",").compactMap { entry -> String? in
            let entry = Shown.trimmed(String(entry))
            if entry.isEmpty || entry.contains("/") { return nil }
            if entry.contains(":") { return entry.hasPrefix("[") ? entry : "[\(entry)]" }
            return entry.hasPrefix(".") ? "*" + entry : entry
        }.joined(separator: "|")
    }

    /// The JVM splits at white space, and takes quotes away (JVM Tool Interface, "JAVA_TOOL_OPTIONS").
    private static func quoted(_ option: String) -> String {
        guard option.contains(where: { $0.isWhitespace || $0 == "\"" || $0 == "'" }) else { return option }
        return option.contains("'") ? "\"\(option)\"" : "'\(option)'"
    }
}
