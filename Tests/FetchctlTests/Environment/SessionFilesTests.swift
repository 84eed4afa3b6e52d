import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite struct SessionFilesTests {
    static let block = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"

    let folder: TemporaryFolder
    let access: SessionAccess

    init() throws {
        folder = try TemporaryFolder()
        access = SessionAccess(
            proxy: try ProxyAddress("http://127.0.0.1:4321"), id: try #require(SessionID("0f3a")), token: "T0k",
            bypass: "localhost")
    }

    private func service(authority: String) throws -> Service {
        Service(
            proxy: access.proxy, authorityPath: authority,
            control: ControlClient(endpoint: try ControlEndpoint("http://127.0.0.1:1"), credentials: nil))
    }

    private func written(_ variables: [String: String] = [:]) throws -> SessionFiles {
        let authority = try folder.write(
            "key\n-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n\(Self.block)", to: "ca.pem")
        let environment = ProcessEnvironment(variables.merging(["TMPDIR": folder.path]) { old, _ in old })
        let session = SessionFolder(of: access.id, environment: environment)
        try session.make()
        return try SessionFiles.write(
            to: session, service: service(authority: authority), access: access, environment: environment)
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Kernel.contents(of: path), as: UTF8.self)
    }

    private func mode(_ path: String) throws -> UInt32 { try #require(try Kernel.stat(path)).mode & 0o777 }

    @Test func certificatesAreReadableForOthersAndTheTokenIsNot() throws {
        let files = try written()
        #expect(try mode(folder.file("fetchctl-0f3a")) == 0o711)
        for path in [files.bundle, files.extra, files.javaTrustStore] { #expect(try mode(path) == 0o644) }
        for path in [files.javaOptions, files.aptConfiguration, files.wgetConfiguration] {
            #expect(try mode(path) == 0o600)
        }
        for path in [files.bundle, files.extra] { #expect(try !text(path).contains("T0k")) }
    }

    @Test func theBundleHoldsTheUsersRootsThenOursAndNeverAKey() throws {
        let root = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"
        let roots = try folder.write("# roots\r\n" + root.replacing("\n", with: "\r\n"), to: "roots.pem")
        let files = try written(["SSL_CERT_FILE": roots])
        #expect(try text(files.bundle) == root + Self.block)
        #expect(try text(files.extra) == Self.block)
    }

    @Test func nodesOwnExtraCertificatesAreKept() throws {
        let own = "-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----\n"
        let files = try written(["NODE_EXTRA_CA_CERTS": try folder.write(own, to: "extra.pem")])
        #expect(try text(files.extra) == own + Self.block)
    }

    @Test func theUsersWgetConfigurationComesFirst() throws {
        let own = try folder.write("timeout = 5\nno_proxy = *", to: ".wgetrc")
        let files = try written(["HOME": folder.path])
        _ = own
        #expect(
            try text(files.wgetConfiguration) == """
                timeout = 5
                no_proxy = *
                # Added by fetchctl for one session.
                ca_certificate = \(files.bundle)
                use_proxy = on
                http_proxy = http://0f3a:T0k@127.0.0.1:4321/
                https_proxy = http://0f3a:T0k@127.0.0.1:4321/
                no_proxy = localhost

                """)
    }

    @Test(arguments: ["", "/nonexistent/ca.pem"])
    func withoutTheServicesCertificateNothingStarts(_ path: String) throws {
        let session = SessionFolder(of: access.id, environment: ProcessEnvironment(["TMPDIR": folder.path]))
        try session.make()
        #expect(throws: ServiceError.self) {
            try SessionFiles.write(
                to: session, service: service(authority: path), access: access, environment: ProcessEnvironment([:]))
        }
    }

    @Test func everythingIsRemovedInTheEnd() throws {
        let files = try written()
        #expect(files.mavenFolder != nil)
        SessionFolder(of: access.id, environment: ProcessEnvironment(["TMPDIR": folder.path])).remove()
        #expect(try Kernel.names(inFolder: folder.path) == ["ca.pem"])
    }

    @Test func aFolderThatIsThereAlreadyIsNotUsed() throws {
        let session = SessionFolder(of: access.id, environment: ProcessEnvironment(["TMPDIR": folder.path]))
        try session.make()
        #expect(throws: SystemError.self) { try session.make() }
        session.remove()
        #expect(try Kernel.stat(session.path) == nil)
        session.remove()
    }

    @Test func aptHasOurProxyLastWhateverItsOtherFilesSay() throws {
        guard let apt = Program.find("apt-config") else { return }
        let main = try folder.write("Acquire::http::Proxy \"http://late.example:1\";\n", to: "main.conf")
        let own = try folder.write(
            "Acquire::Retries \"7\";\nAcquire::https::Proxy \"DIRECT\";\nDir::Etc::Main \"\(main)\";\n", to: "own.conf")
        let files = try written(["APT_CONFIG": own])
        let result = try Program.run(
            apt, ["dump", "--format", "%f=%v%n", "Acquire"], environment: ["APT_CONFIG": files.aptConfiguration])
        #expect(result.output.contains("Acquire::http::Proxy=http://0f3a:T0k@127.0.0.1:4321/\n"))
        #expect(result.output.contains("Acquire::https::Proxy=http://0f3a:T0k@127.0.0.1:4321/\n"))
        #expect(result.output.contains("Acquire::https::CaInfo=\(files.bundle)\n"))
        #expect(result.output.contains("Acquire::Retries=7\n"))
    }

    @Test func javaReadsTheTrustStore() throws {
        guard let keytool = Program.find("keytool"), let java = Program.find("java") else { return }
        let roots = CertificateBundle.roots(environment: ProcessEnvironment([:]))
        guard !roots.blocks.isEmpty else { return }
        let path = folder.file("store.jks")
        let store = JavaTrustStore.bytes(certificates: roots.certificates)
        try Kernel.replaceFile(path, with: store)
        let listed = try Program.run(keytool, ["-list", "-keystore", path, "-storepass", JavaTrustStore.password])
        #expect(listed.status == 0, "\(listed.output)")
        let entries = listed.output.split(separator: "\n").filter { $0.contains("trustedCertEntry") }
        #expect(entries.count == roots.certificates.count)
        #expect(roots.certificates.count == roots.blocks.count)
        let secrets = try folder.write(JavaOptions.secrets(access), to: "java-options")
        let version = try Program.run(
            java, ["-XshowSettings:properties", "-version"],
            environment: [
                "JAVA_TOOL_OPTIONS": "-XX:+IgnoreUnrecognizedVMOptions -XX:VMOptionsFile=\(secrets)"
            ])
        #expect(version.status == 0)
        #expect(version.errors.contains("http.proxyPassword = T0k") || version.errors.contains("version \"1.8"))
    }
}

@Suite struct MavenSettingsTests {
    let access: SessionAccess

    init() throws {
        access = SessionAccess(
            proxy: try ProxyAddress("http://127.0.0.1:4321"), id: try #require(SessionID("0f3a")), token: "T0k",
            bypass: "localhost,127.0.0.1")
    }

    @Test func withoutAnInstallationTheyHoldTheProxyAlone() throws {
        let text = try #require(MavenSettings.text(access, existing: ""))
        #expect(text.contains("<protocol>https</protocol><host>127.0.0.1</host><port>4321</port>"))
        #expect(text.contains("<username>0f3a</username><password>T0k</password>"))
        #expect(text.contains("<nonProxyHosts>localhost|127.0.0.1</nonProxyHosts>"))
    }

    @Test func theOtherFilesOfTheInstallationStay() throws {
        let folder = try TemporaryFolder()
        let conf = folder.file("conf")
        try Kernel.mkdir(conf)
        for name in ["settings.xml", "toolchains.xml"] { try folder.write("<settings></settings>", to: "conf/" + name) }
        let session = SessionFolder(of: access.id, environment: ProcessEnvironment(["TMPDIR": folder.path]))
        try session.make()
        let made = try #require(try MavenSettings.write(to: session, access, installation: conf))
        #expect(try Kernel.names(inFolder: made).sorted() == ["logging", "settings.xml", "toolchains.xml"])
        #expect(folder.text("fetchctl-0f3a/maven/toolchains.xml") == "<settings></settings>")
        #expect(try Kernel.stat(made + "/settings.xml")?.mode == 0o100600)
        session.remove()
        #expect(try Kernel.names(inFolder: folder.path) == ["conf"])
        #expect(folder.text("conf/toolchains.xml") == "<settings></settings>")
    }

    @Test(arguments: ["<proxies>\n<!-- <proxy>x</proxy> -->\n</proxies>", "<proxies/>", ""])
    func theInstallationsOwnSettingsAreKept(_ proxies: String) throws {
        let mirror = "<mirrors><mirror><id>m</id><url>http://m.example</url></mirror></mirrors>"
        let existing = "<?xml version=\"1.0\"?>\n<!-- > --><settings>\n\(proxies)\(mirror)</settings>\n"
        let text = try #require(MavenSettings.text(access, existing: existing))
        #expect(text.contains(mirror))
        #expect(text.components(of: "<proxies") == 1)
        #expect(text.hasSuffix("</proxies>\n</settings>\n"))
    }

    @Test(arguments: [
        "<settings><proxies><proxy><id>own</id></proxy></proxies></settings>", "<settings><!-- ", "nonsense",
        "<settings><proxies a=\"b\"></proxies></settings>",
    ])
    func settingsWithAProxyOrThatAreNotUnderstoodAreLeftAlone(_ existing: String) {
        #expect(MavenSettings.text(access, existing: existing) == nil)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}

@Suite struct SHA1ChecksumTests {
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ])
    func itMatchesTheVectorsOfTheStandard(_ message: String, _ digest: String) {
        #expect(Hex.encode(SHA1Checksum.of(Array(message.utf8))) == digest)
    }
}
