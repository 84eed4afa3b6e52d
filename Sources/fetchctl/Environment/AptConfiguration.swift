/// The apt configuration that `APT_CONFIG` names.
///
/// apt reads that file first, so `/etc/apt` could set another proxy after it; what stands under `Binary::NAME` is moved
/// to the root after all files have been read, and so has the last word (apt.conf(5)).
enum AptConfiguration {
    /// Programs of the apt family that download, and the one that shows the configuration.
    private static let programs = ["apt", "apt-get", "apt-config", "aptitude"]

    /// The text of the file; `existing` is the user's own `APT_CONFIG`, which is read before ours.
    static func text(proxyURL: String, bundle: String, existing: String?) -> String {
        var lines = ["// Made by fetchctl for one session, and removed with it."]
        if let existing, !existing.isEmpty { lines.append("#include \(quoted(existing));") }
        let settings = [
            ("Acquire::http::Proxy", proxyURL),
            ("Acquire::https::Proxy", proxyURL),
            ("Acquire::http::Proxy-Auto-Detect", ""),
            ("Acquire::http::ProxyAutoDetect", ""),
            ("Acquire::https::CaInfo", bundle),
        ]
        for prefix in [""] + programs.map({ "Binary::\($0)::" }) {
            lines += settings.map { "\(prefix)\($0.0) \(quoted($0.1));" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// apt knows no escapes within quotes; a path with a quote is none that it could read.
    private static func quoted(_ text: String) -> String { "\"\(text.filter { $0 != "\"" && $0 != "\n" })\"" }
}
