/// `docs/configuration.md`, made from ``Setting/all``.
enum SettingsReference {
    /// The whole file.
    static var text: String {
        let defaults = ServiceSettings()
        let sections = Setting.sections.map { section in
            let title = section.name.isEmpty ? "General" : "`\(section.name)`"
            let rows = Setting.all.filter { $0.section == section.name }.map { row($0, defaults) }
            return """
                ## \(title)

                \(section.summary)

                | Key | Type | Default | What it is |
                |---|---|---|---|
                \(rows.joined(separator: "\n"))

                """
        }
        return introduction + "\n" + sections.joined(separator: "\n")
    }

    private static func row(_ setting: Setting, _ defaults: ServiceSettings) -> String {
        let type = setting.type + (setting.limits.isEmpty ? "" : ": \(setting.limits)")
        var notes = setting.summary
        if let flag = setting.flag { notes += " Flag: `\(flag)`." }
        if !setting.otherVariables.isEmpty {
            notes += " Also: " + setting.otherVariables.map { "`\($0)`" }.joined(separator: ", ") + "."
        }
        if setting.isLive { notes += " **Reload.**" }
        return "| `\(setting.key)` | \(type) | `\(setting.text(defaults))` | \(notes) |"
    }

    private static let introduction = """
        # Configuration

        This page is made from the table in `Sources/fetch-service/Settings`; write it anew with
        `fetch-service --settings-reference > docs/configuration.md`. A test compares the two.

        Everything below can be chosen in `service.yaml` in the configuration folder (`--config`, by default `/etc/fetch`), by
        an environment variable, or by a flag. Flags go before the environment, the environment before the file, the file
        before the default. `acl.yaml` (addresses that the proxy may connect to) and `inspectors.yaml` (what inspectors may
        trust) stand beside `service.yaml`; none of the three has to be there.

        - In the file, a key is written whole or below its section: `cache.size: 20G`, or `size: 20G` below `cache:`.
        - Its variable is `FETCH_SERVICE_` and the key in capitals, `.` and `-` as `_`: `FETCH_SERVICE_CACHE_SIZE=20G`. An empty
          variable is ignored; an unknown one beginning with `FETCH_SERVICE_` is a warning at the start.
        - Where no flag is named, `--set key=value` sets it; it may be repeated.
        - **bytes**: `1000`, `500M`, `20GiB`; K, M, G and T are powers of 1024. **duration**: `250ms`, `30s`, `5m`, `6h`, `7d`; a
          plain number is seconds. **boolean**: `true` or `false`. **list**: a YAML list, or words with commas between them.
        - `auto`, where it may be written, leaves the choice to the service.

        `fetch-service --check-config` reports every mistake of the three files with its line (exit status 1), or prints the
        values in force and where each comes from (exit status 0). An unknown key is a mistake, but for
        those of `inspectors.yaml`, which a later release may know.

        SIGHUP and `fetchctl update-config` read the files again and drop no connection: the rules of `acl.yaml` at once for
        all sessions (connections that they now forbid are closed), `inspectors.yaml` for sessions opened later, and of
        `service.yaml` the keys marked **Reload**; that another key has changed is logged, and takes effect at the next
        start. A file with a mistake changes nothing of what it is about, and the other two are read all the same; one that is
        gone is as an empty one, and a warning.

        """
}
