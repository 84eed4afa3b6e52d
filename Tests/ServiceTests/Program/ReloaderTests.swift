import ArgumentParser
import Cache
import Control
import Core
import Cryptography
import Inspection
import Logging
import Platform
import PlatformTesting
import Sessions
import Testing

@testable import fetch_service

@Suite struct ReloaderTests {
    /// What the parts of a service were told.
    private final class Told: Sendable {
        struct State {
            var policies: [DestinationPolicy] = []
            var inspectors: [InspectorsConfiguration] = []
            var settings: [ServiceSettings] = []
            var authorities: [String] = []
        }

        private let state = Lock(State())

        var all: State { state.withLock { $0 } }

        var targets: Reloader.Targets {
            Reloader.Targets(
                policy: { [state] new in state.withLock { $0.policies.append(new) } },
                inspectors: { [state] new in state.withLock { $0.inspectors.append(new) } },
                settings: { [state] new in state.withLock { $0.settings.append(new) } },
                authority: { [state] new in state.withLock { $0.authorities.append(new.subject) } })
        }
    }

    private let folder: TemporaryFolder
    private let told = Told()
    private let reloader: Reloader
    private let files: AuthorityFiles

    init() throws {
        folder = try TemporaryFolder.configured()
        try folder.write("cache.size: 5G\n", to: "conf/service.yaml")
        let options = try ServiceOptions.parse([
            "--config", folder.file("conf"), "--spool", folder.file("state"), "--stop-timeout", "7", "--log-file",
            folder.file("log"),
        ])
        files = AuthorityFiles(certificate: folder.file("ca.pem"), key: folder.file("ca.key.pem"))
        let made = try CertificateAuthority.generate(commonName: "old")
        try Kernel.replaceFile(files.certificate, with: made.certificatePEM)
        try Kernel.replaceFile(files.key, with: made.keyPEM)
        let destination = try LogDestination(path: folder.file("log"))
        reloader = Reloader(
            try ServiceConfiguration(options, environment: [:]), authorityFiles: files, targets: told.targets,
            destination: destination, log: Logger(destination: destination))
    }

    private func update(_ kind: ConfigurationKind, _ text: String, validateOnly: Bool = false) async throws {
        try await reloader.update(kind, to: Array(text.utf8), validateOnly: validateOnly)
    }

    // MARK: SIGHUP

    @Test func allThreeFilesAreReadAgain() async throws {
        try folder.write("http-proxy: {policy: deny}\n", to: "conf/acl.yaml")
        try folder.write("git: {urls: ['https://git.example/**']}\n", to: "conf/inspectors.yaml")
        try folder.write("cache.size: 6G\npermissive-mode: true\nstop-timeout: 9\n", to: "conf/service.yaml")
        await reloader.reload()
        #expect(told.all.policies.map(\.policy) == [.deny])
        #expect(told.all.inspectors.first?.git?.urls.count == 1)
        let settings = try #require(told.all.settings.first)
        #expect(settings.cache.sizeCap == 6 << 30 && settings.sessions.allowsPermissive)
        // The flag still goes before the file.
        #expect(settings.stopTimeout == .seconds(7))
        let log = folder.text("log")
        #expect(log.contains("cache.size is now 6G, before it was 5G"))
        for name in ["acl.yaml", "inspectors.yaml", "service.yaml"] { #expect(log.contains("\(name) was read again")) }
    }

    @Test func aFaultyFileChangesNothingAndAllItsMistakesAreLogged() async throws {
        try folder.write("http-proxy:\n  policy: maybe\n  rules: 3\n", to: "conf/acl.yaml")
        try folder.write("git:\n  urls: ['[']\n", to: "conf/inspectors.yaml")
        try folder.write("cache.size: 6G\nloops: none\nwhat: 1\n", to: "conf/service.yaml")
        await reloader.reload()
        #expect(told.all.policies.isEmpty && told.all.inspectors.isEmpty && told.all.settings.isEmpty)
        let errors = folder.text("log").split(separator: "\n").filter { $0.contains("ERROR: ") }
        #expect(errors.count == 5, "\(errors)")
        for place in ["acl.yaml:2", "acl.yaml:3", "inspectors.yaml:2", "service.yaml:2", "service.yaml:3"] {
            #expect(errors.contains { $0.contains(place) }, "\(place)")
        }
    }

    @Test func aFileThatIsGoneIsToldOnceWithWhatIsInForceNow() async throws {
        try folder.write("http-proxy: {policy: deny}\n", to: "conf/acl.yaml")
        try await update(.inspectors, "pip: {urls: []}\n")
        await reloader.reload()
        for name in ["acl", "inspectors", "service"] { try Kernel.unlink(folder.file("conf/\(name).yaml")) }
        await reloader.reload()
        await reloader.reload()
        #expect(told.all.policies.map(\.policy) == [.deny, .allow, .allow])
        let log = folder.text("log")
        let warnings = log.split(separator: "\n").filter { $0.contains("WARN ") }
        #expect(warnings.count == 3, "\(warnings)")
        for (name, text) in [
            ("acl", "every address"), ("inspectors", "trust nothing"), ("service", "flags, environment and defaults"),
        ] {
            #expect(warnings.contains { $0.contains("conf/\(name).yaml is gone: ") && $0.contains(text) })
            #expect(log.contains("\(name).yaml is not there, as before"))
        }
    }

    @Test func aFaultInOneFileDoesNotHoldBackTheOthers() async throws {
        try folder.write("http-proxy: 3\n", to: "conf/acl.yaml")
        await reloader.reload()
        #expect(told.all.policies.isEmpty && told.all.inspectors.count == 1 && told.all.settings.count == 1)
    }

    @Test func whatCannotChangeInARunningServiceIsNamed() async throws {
        try folder.write("loops: 3\nlisten.proxy-port: 1\nlog.format: json\n", to: "conf/service.yaml")
        await reloader.reload()
        let log = folder.text("log")
        #expect(log.contains("WARN : loops has changed, which takes effect at the next start"))
        #expect(log.contains("WARN : listen.proxy-port has changed"))
        #expect(log.contains("\"message\":\"service.yaml was read again\""))
        let settings = try #require(told.all.settings.first)
        #expect(settings.loops == nil && settings.proxyPort == 9988)
    }

    // MARK: update-config

    @Test func aFileIsReplacedAndThenWhatRuns() async throws {
        try await update(.acl, "http-proxy: {policy: deny}\n")
        try await update(.inspectors, "pip: {urls: []}\n")
        try await update(.service, "cache.size: 7G\n")
        #expect(told.all.policies.count == 1 && told.all.inspectors.first?.pip != nil)
        #expect(told.all.settings.first?.cache.sizeCap == 7 << 30)
        #expect(folder.text("conf/acl.yaml") == "http-proxy: {policy: deny}\n")
        #expect(folder.text("conf/inspectors.yaml") == "pip: {urls: []}\n")
        #expect(folder.text("conf/service.yaml") == "cache.size: 7G\n")
        #expect(Set(try Kernel.names(inFolder: folder.file("conf"))).count == 3)
    }

    @Test func whatHoldsAPasswordIsForUsOnly() async throws {
        func mode() throws -> UInt32 { try (Kernel.stat(folder.file("conf/service.yaml"))?.mode ?? 0) & 0o777 }
        try Kernel.chmod(folder.file("conf/service.yaml"), 0o640)
        try await update(.service, "cache.size: 7G\n")
        #expect(try mode() == 0o640)
        try await update(.service, "upstream.http: http://user:word@proxy.example:3128\n")
        #expect(try mode() == 0o600)
    }

    @Test(arguments: ConfigurationKind.allCases)
    func onlyCheckingChangesNothing(kind: ConfigurationKind) async throws {
        try await update(kind, "", validateOnly: true)
        #expect(told.all.policies.isEmpty && told.all.inspectors.isEmpty && told.all.settings.isEmpty)
        #expect(try Kernel.names(inFolder: folder.file("conf")) == ["service.yaml"])
        #expect(folder.text("conf/service.yaml") == "cache.size: 5G\n")
    }

    @Test(
        arguments: [
            (.acl, "http-proxy:\n  policy: x\n  rules: 3\n", ["acl.yaml:2", "acl.yaml:3"]),
            (.inspectors, "git:\n  urls:\n    - '['\n    - '{'\n", ["inspectors.yaml:3", "inspectors.yaml:4"]),
            (.service, "a: 1\nloops: x\n", ["service.yaml:1", "service.yaml:2"]),
        ] as [(ConfigurationKind, String, [String])])
    func mistakesAreToldInOneLineAndChangeNothing(kind: ConfigurationKind, text: String, places: [String]) async throws
    {
        await #expect {
            try await update(kind, text)
        } throws: { error in
            "\(error)".split(separator: "\n").count == 1 && places.allSatisfy { "\(error)".contains($0) }
        }
        #expect(try Kernel.names(inFolder: folder.file("conf")) == ["service.yaml"])
        #expect(told.all.policies.isEmpty && told.all.inspectors.isEmpty && told.all.settings.isEmpty)
    }

    @Test func aFolderThatCannotBeWrittenChangesNothing() async throws {
        // A file where the folder should be.
        try Kernel.unlink(folder.file("conf/service.yaml"))
        try Kernel.rmdir(folder.file("conf"))
        try folder.write("", to: "conf")
        await #expect {
            try await update(.acl, "http-proxy: {policy: deny}\n")
        } throws: {
            "\($0)".contains("nothing has changed")
        }
        #expect(told.all.policies.isEmpty)
    }

    // MARK: update-cert

    @Test func theAuthorityIsReplacedOnDiskAndInWhatRuns() async throws {
        let made = try CertificateAuthority.generate(commonName: "new")
        let pem = Array("# both in one file\n".utf8) + made.keyPEM + made.certificatePEM
        try await reloader.updateCertificate(pem, validateOnly: true)
        #expect(told.all.authorities.isEmpty)
        #expect(try files.load().subject == "CN=old")
        try await reloader.updateCertificate(pem, validateOnly: false)
        #expect(told.all.authorities == ["CN=new"])
        #expect(try files.load().subject == "CN=new")
        #expect(folder.text("log").contains("the certificate authority is now CN=new, SHA-256 "))
    }

    @Test func aPairThatDoesNotFitChangesNothing() async throws {
        let one = try CertificateAuthority.generate(commonName: "one")
        let two = try CertificateAuthority.generate(commonName: "two")
        await #expect {
            try await reloader.updateCertificate(one.certificatePEM + two.keyPEM, validateOnly: false)
        } throws: {
            "\($0)".contains("the key does not belong to")
        }
        #expect(told.all.authorities.isEmpty)
        #expect(try files.load().subject == "CN=old")
    }
}
