import Core
import Cryptography
import Inspection
import Platform

/// `fetch-service --check-config`: every mistake in the configuration, or what is in force and why.
struct ConfigurationCheck {
    private let mistakes: [ConfigurationFault]
    /// What is in the files that hold no settings.
    private let notes: [String]
    /// What is told and prevents nothing.
    private let warnings: [String]
    private let settings: [(key: String, value: String, origin: SettingOrigin)]

    init(_ configuration: ServiceConfiguration) {
        var notes: [String] = []
        var mistakes = configuration.problems.map(\.fault)
        let folder = configuration.configFolder
        // At the start all of its files may be missing, and so may the folder; here somebody wants it looked at.
        if configuration.isConfigFolderNamed, (try? Kernel.stat(folder))?.isDirectory != true {
            mistakes.append(ConfigurationFault(at: .flag("--config"), "there is no folder \(folder)"))
        }
        func complain(_ key: String, _ what: String) {
            mistakes.append(ConfigurationFault(at: configuration.resolved.origin(of: key), what))
        }
        func note(_ name: String, _ what: String, absent: String) {
            let isThere = (try? Kernel.stat("\(folder)/\(name)")) != nil
            notes.append("\(folder)/\(name): \(isThere ? what : "not there, so \(absent)")")
        }
        if let path = configuration.settings.logFile {
            do throws(SystemError) {
                try LogDestination.check(path)
            } catch {
                complain("log.file", "log.file: \(path) cannot be opened: \(SystemError.text(of: error.code))")
            }
        }
        do throws(ConfigurationFaults) {
            let policy = try AccessControlFile.read(folder: folder)
            let rules = "\(counted(policy.rules.count, "rule")), otherwise \(policy.policy)"
            note(AccessControlFile.name, rules, absent: "every address is allowed but those that are always denied")
        } catch {
            mistakes += error.faults
        }
        do throws(ConfigurationFaults) {
            _ = try InspectorsFile.read(folder: folder)
            note(InspectorsFile.name, "valid", absent: "nothing is trusted")
        } catch {
            mistakes += error.faults
        }
        if let files = configuration.authorityFiles {
            do {
                _ = try AuthorityFiles(certificate: files.certificate, key: files.key).load()
            } catch {
                complain("authority.certificate", "certificates: \(error)")
            }
        }
        if configuration.credentials != nil {
            notes.append("FETCH_SERVICE_AUTH: *** (the control API's credentials)")
        } else if let path = configuration.settings.credentialsFile {
            do throws(StartFailure) {
                _ = try AdminCredentials.read(path)
            } catch {
                complain("control.credentials-file", Self.withoutStart(error.description))
            }
        }
        self.mistakes = mistakes.ordered { $0 }
        self.notes = notes
        warnings = configuration.warnings
        settings = Setting.all.map { setting in
            (setting.key, setting.text(configuration.settings), configuration.resolved.origin(of: setting.key))
        }
    }

    var isPassed: Bool { mistakes.isEmpty }

    /// The mistakes, one line each, and warnings; without any the settings in force as a `service.yaml`, each with where it comes from.
    var text: String {
        let lines = settings.map { Self.padded("\($0.key): \($0.value)", 48) + " # \($0.origin)" }
        let warnings = warnings.map { "warning: \($0)" }
        let shown =
            isPassed ? (warnings + notes).map { "# \($0)" } + lines : mistakes.map(\.description) + warnings
        return shown.map { escapedForDisplay($0, limit: 8192) + "\n" }.joined()
    }

    /// The same as one line of JSON.
    var json: String {
        var members: [String: JSONValue] = [
            "mistakes": .list(mistakes.map(Self.json)), "warnings": .texts(warnings),
        ]
        if isPassed {
            members["notes"] = .list(notes.map(JSONValue.string))
            let pairs = settings.map { setting -> (String, JSONValue) in
                (setting.key, ["value": .string(setting.value), "from": .string("\(setting.origin)")])
            }
            members["settings"] = .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
        }
        return escapedForDisplay(json: String(decoding: JSONValue.object(members).json, as: UTF8.self)) + "\n"
    }

    /// With its file and line; a variable or a flag stands in the text.
    private static func json(_ mistake: ConfigurationFault) -> JSONValue {
        guard case .file(let path, let line) = mistake.origin else {
            return ["file": .null, "line": .null, "text": .string(mistake.description)]
        }
        return [
            "file": .string(path), "line": line.map { .integer(Int64($0)) } ?? .null, "text": .string(mistake.text),
        ]
    }

    /// Without what the log says in front: nobody wants to start anything here.
    private static func withoutStart(_ problem: String) -> String {
        ["cannot start service: ", "cannot create service: "].reduce(problem) { text, prefix in
            text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
