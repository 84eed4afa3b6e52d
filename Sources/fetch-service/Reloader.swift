import Control
import Core
import Cryptography
import Inspection
import Logging
import Platform

/// What changes while the service runs: address rules, inspectors, settings, the certificate authority.
///
/// One change after the other; each is checked whole before anything is touched, and files are replaced before what runs.
actor Reloader {
    /// What is told of a change.
    struct Targets: Sendable {
        var policy: @Sendable (DestinationPolicy) -> Void
        var inspectors: @Sendable (InspectorsConfiguration) -> Void
        var settings: @Sendable (ServiceSettings) -> Void
        var authority: @Sendable (CertificateAuthority) -> Void
    }

    private let configuration: ServiceConfiguration
    private let authorityFiles: AuthorityFiles
    private let targets: Targets
    private let destination: LogDestination
    private let log: Logger
    /// The settings in force.
    private var running: ServiceSettings
    /// Names of the files that were there when they were read last.
    private var present: Set<String> = []

    init(
        _ configuration: ServiceConfiguration, authorityFiles: AuthorityFiles, targets: Targets,
        destination: LogDestination, log: Logger
    ) {
        self.configuration = configuration
        self.authorityFiles = authorityFiles
        self.targets = targets
        self.destination = destination
        self.log = log
        running = configuration.settings
        for name in [AccessControlFile.name, InspectorsFile.name, SettingsFile.name] {
            if Self.isThere(name, in: configuration) { present.insert(name) }
        }
    }

    private static func isThere(_ name: String, in configuration: ServiceConfiguration) -> Bool {
        // What cannot be looked at is told by whoever reads it.
        (try? Kernel.stat("\(configuration.configFolder)/\(name)")) != .some(nil)
    }

    // MARK: The files as they are

    /// Reads the three files again; what a faulty one is about stays as it was.
    func reload() {
        let folder = configuration.configFolder
        take(
            AccessControlFile.name, otherwise: "the old address rules stay",
            without: "the proxy may connect to every address now, but for those that are always denied"
        ) { () throws(ConfigurationFaults) in
            targets.policy(try AccessControlFile.read(folder: folder))
        }
        take(
            InspectorsFile.name, otherwise: "the old inspectors stay", note: ", for sessions opened from now on",
            without: "sessions opened from now on trust nothing but what they bring along"
        ) { () throws(ConfigurationFaults) in
            targets.inspectors(try InspectorsFile.read(folder: folder))
        }
        take(
            SettingsFile.name, otherwise: "the old settings stay",
            without: "flags, environment and defaults are in force now"
        ) { () throws(ConfigurationFaults) in
            apply(try configuration.settings(with: SettingsFile(folder: folder)))
        }
    }

    /// Reads a file again and tells what came of it.
    private func take(
        _ name: String, otherwise: String, note: String = "", without: String,
        _ body: () throws(ConfigurationFaults) -> Void
    ) {
        let isThere = Self.isThere(name, in: configuration)
        do throws(ConfigurationFaults) {
            try body()
        } catch {
            for fault in error.faults { log.error("\(otherwise): \(fault)") }
            return
        }
        if isThere {
            present.insert(name)
            log.info("\(name) was read again\(note)")
        } else if present.remove(name) != nil {
            log.warning("\(configuration.configFolder)/\(name) is gone: \(without)")
        } else {
            log.info("\(name) is not there, as before")
        }
    }

    /// Puts into force what can be changed in a running service, and tells what cannot.
    private func apply(_ wanted: ServiceSettings) {
        var changed = running
        for setting in Setting.all where !setting.isSame(running, wanted) {
            guard setting.isLive else {
                log.warning("\(setting.key) has changed, which takes effect at the next start")
                continue
            }
            setting.copy(&changed, wanted)
            log.info("\(setting.key) is now \(setting.text(changed)), before it was \(setting.text(running))")
        }
        do throws(SystemError) {
            try destination.change(
                path: changed.logFile, format: changed.logFormat, verbosity: changed.verbosity)
        } catch {
            log.error("the log goes on where it was: \(error)")
            (changed.logFile, changed.logFormat) = (running.logFile, running.logFormat)
            changed.verbosity = running.verbosity
        }
        running = changed
        targets.settings(changed)
    }

    // MARK: New content

    /// Checks what is to be in a file, and unless `validateOnly` puts it there and into force.
    func update(_ kind: ConfigurationKind, to text: [UInt8], validateOnly: Bool) throws(UpdateFailure) {
        let name =
            switch kind {
            case .acl: AccessControlFile.name
            case .inspectors: InspectorsFile.name
            case .service: SettingsFile.name
            }
        let path = "\(configuration.configFolder)/\(name)"
        let install: () -> Void
        var mode: UInt32 = 0o644
        do throws(ConfigurationFaults) {
            switch kind {
            case .acl:
                let policy = try AccessControlFile.read(text: text, path: path)
                install = { self.targets.policy(policy) }
            case .inspectors:
                let inspectors = try InspectorsFile.read(text: text, path: path)
                install = { self.targets.inspectors(inspectors) }
            case .service:
                let settings = try configuration.settings(with: SettingsFile(text: text, path: path))
                install = { self.apply(settings) }
                if settings.holdsPasswords { mode = 0o600 }
            }
        } catch {
            throw UpdateFailure("\(error)")
        }
        guard !validateOnly else { return }
        do throws(SystemError) {
            try Kernel.mkdir(configuration.configFolder, mode: 0o755)
            if let before = try Kernel.stat(path) { mode &= before.mode }
            try Kernel.replaceFile(path, with: text, mode: mode)
        } catch {
            throw UpdateFailure("\(path) cannot be written, so nothing has changed: \(error)", cause: .service)
        }
        install()
        present.insert(name)
        log.info("\(name) was replaced")
    }

    /// Checks a certificate with its key, and unless `validateOnly` makes them the authority.
    ///
    /// New handshakes see the new authority at once; connections that are open go on with what they have.
    func updateCertificate(_ pem: [UInt8], validateOnly: Bool) throws(UpdateFailure) {
        let bundle: PEMBundle
        let authority: CertificateAuthority
        do throws(CertificateError) {
            bundle = try PEMBundle(pem)
            authority = try CertificateAuthority.load(
                certificatePEM: bundle.certificatePEM, keyPEM: bundle.keyPEM)
        } catch {
            throw UpdateFailure(error.reason)
        }
        guard !validateOnly else { return }
        do throws(SystemError) {
            try authorityFiles.replace(with: bundle)
        } catch {
            throw UpdateFailure("the files cannot be replaced, so nothing has changed: \(error)", cause: .service)
        }
        targets.authority(authority)
        log.info("the certificate authority is now \(authority.subject), SHA-256 \(authority.fingerprint.hex)")
    }
}

extension Service: ServiceUpdates {
    func updateConfiguration(
        _ kind: ConfigurationKind, to text: [UInt8], validateOnly: Bool
    ) async throws(UpdateFailure) {
        try await reloader.update(kind, to: text, validateOnly: validateOnly)
    }

    func updateCertificate(_ pem: [UInt8], validateOnly: Bool) async throws(UpdateFailure) {
        try await reloader.updateCertificate(pem, validateOnly: validateOnly)
    }

    /// Reads the configuration files again (SIGHUP).
    func reload() async { await reloader.reload() }
}
