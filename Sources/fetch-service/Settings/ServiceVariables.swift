import Core

/// The environment variables whose names are ours.
enum ServiceVariables {
    private static let prefix = "FETCH_SERVICE_"

    /// Those that are no settings: the administrator's credentials, what `fetchctl` reads, and what tests read.
    private static let others = ["AUTH", "URL", "CA", "PROXY", "SOCKET"]
    private static let ofTests = ["PROGRAM", "LONG_TESTS", "MAKE_FIXTURES", "WRITE_DOCS"]

    /// What is to be said of variables that nobody reads, by their names.
    static func warnings(in environment: [String: String]) -> [String] {
        let candidates = Setting.all.map { String($0.variable.dropFirst(prefix.count)) } + others
        let known = Set(candidates + ofTests)
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix(prefix), environment[name] != "" else { return nil }
            let rest = String(name.dropFirst(prefix.count))
            guard !known.contains(rest) else { return nil }
            let advice = Setting.nearest(to: rest, among: candidates, separator: "_")
                .map { "did you mean '\(prefix)\($0)'?" }
            return "unknown variable '\(escapedForDisplay(name, limit: 80))' is ignored; "
                + (advice ?? "fetch-service --check-config lists all keys")
        }
    }
}
