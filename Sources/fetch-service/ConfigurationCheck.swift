import Core
import Cryptography
import Inspection
import Platform

/// `fetch-service --check-config`: every mistake in the configuration, or what is in force and why.
struct ConfigurationCheck {
    /// All mistakes, one line each.
    private(set) var mistakes: [String] = []
    /// The settings in force as a `service.yaml`, each with where it comes from.
    let effective: String

    init(_ configuration: ServiceConfiguration) {
        var notes: [String] = []
        var mistakes = configuration.problems.map(Self.withoutStart)
        let folder = configuration.configFolder
        do throws(ConfigurationFaults) {
            let policy = try AccessControlFile.read(folder: folder)
            notes.append("\(folder)/\(AccessControlFile.name): \(policy.rules.count) rules, otherwise \(policy.policy)")
        } catch {
            mistakes += error.faults.map(\.description)
        }
        do throws(ConfigurationFaults) {
            _ = try InspectorsFile.read(folder: folder)
            let isThere = (try? Kernel.stat("\(folder)/\(InspectorsFile.name)")) != nil
            notes.append("\(folder)/\(InspectorsFile.name): \(isThere ? "valid" : "not there, so nothing is trusted")")
        } catch {
            mistakes += error.faults.map(\.description)
        }
        if let files = configuration.authorityFiles {
            do {
                _ = try AuthorityFiles(certificate: files.certificate, key: files.key).load()
            } catch {
                mistakes.append("certificates: \(error)")
            }
        }
        if configuration.credentials != nil {
            notes.append("FETCH_SERVICE_AUTH: *** (the control API's credentials)")
        } else if let path = configuration.settings.credentialsFile {
            do throws(StartFailure) {
                _ = try AdminCredentials.read(path)
            } catch {
                let origin = configuration.resolved.origin(of: "control.credentials-file")
                mistakes.append("\(origin): \(Self.withoutStart(error.description))")
            }
        }
        self.mistakes = mistakes
        let lines = Setting.all.map { setting in
            let value = setting.text(configuration.settings)
            let origin = configuration.resolved.origin(of: setting.key)
            return Self.padded("\(setting.key): \(value)", 48) + " # \(origin)"
        }
        effective = (notes.map { "# \($0)" } + lines).map { escapedForDisplay($0, limit: 8192) + "\n" }.joined()
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
