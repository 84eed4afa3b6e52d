import Core
import Cryptography
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(3)), .serialized) struct StartTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder.configured() }

    @Test func versionAndHelpGoToStandardOutput() throws {
        for (argument, text) in [("--version", "fetch 0."), ("--help", "--proxy-port"), ("-h", "--spool")] {
            let service = try ServiceProcess(folder, [argument], isBare: true)
            #expect(service.end() == 0)
            #expect(service.output.contains(text) && service.errors.isEmpty)
        }
    }

    @Test(arguments: [
        ["--nonsense"], ["--proxy-port", "x"], ["--proxy-port", "65536"], ["--verbosity", "loud"],
        ["--stop-timeout", "-1"], ["--loops", "0"], ["--cache-size", "much"], ["--bind", "somewhere"],
        ["--control-port"],
    ])
    func badOptionsAreToldOnStandardError(arguments: [String]) throws {
        let service = try ServiceProcess(folder, arguments, isBare: true)
        #expect(service.end() == 1)
        #expect(service.errors.hasPrefix("error: ") && service.output.isEmpty, "\(service.errors)")
    }

    @Test(arguments: [["surplus", "--nonsense"], ["--", "--nonsense"], ["--permissive-mode", "-", "--nonsense"]])
    func surplusArgumentsAreIgnored(arguments: [String]) throws {
        let service = try ServiceProcess(folder, arguments)
        _ = try service.waitUntilReady()
    }

    @Test func aLogFileThatCannotBeOpenedIsTold() throws {
        let service = try ServiceProcess(folder, ["--log-file", folder.file("no/such/folder")])
        #expect(service.end() == 1)
        #expect(service.errors.hasPrefix("error: ") && service.errors.contains("log file"))
    }

    // MARK: Certificates

    @Test func certificateAndKeyComeTogether() throws {
        for option in ["--cert", "--key"] {
            let service = try ServiceProcess(folder, [option, folder.file("some.pem")])
            #expect(service.end() == 1)
            #expect(service.errors.contains("ERROR: cannot create service: certificates"))
        }
    }

    @Test func certificatesThatCannotBeUsedAreTold() throws {
        let (one, two) = (
            try CertificateAuthority.generate(commonName: "one"), try CertificateAuthority.generate(commonName: "two")
        )
        try Kernel.replaceFile(folder.file("one.pem"), with: one.certificatePEM)
        try Kernel.replaceFile(folder.file("one.key"), with: one.keyPEM)
        try Kernel.replaceFile(folder.file("two.key"), with: two.keyPEM)
        try folder.write("no PEM", to: "bad.pem")
        for (certificate, key) in [("one.pem", "two.key"), ("bad.pem", "one.key"), ("none.pem", "one.key")] {
            let service = try ServiceProcess(
                folder, ["--cert", folder.file(certificate), "--key", folder.file(key)])
            #expect(service.end() == 1)
            #expect(service.errors.contains("ERROR: cannot create service: cannot load certificates"))
        }
        let service = try ServiceProcess(
            folder, ["--cert", folder.file("one.pem"), "--key", folder.file("one.key")])
        _ = try service.waitUntilReady()
        #expect(service.waitForLog(folder.file("one.pem"), in: "out"))
    }

    @Test func anAuthorityIsMadeOnceAndItsKeyIsForUsOnly() throws {
        var certificates: Set<String> = []
        for _ in 0..<2 {
            let service = try ServiceProcess(folder)
            _ = try service.waitUntilReady()
            certificates.insert(folder.text("state/.store/ca.pem"))
            service.signal(SIGTERM)
            #expect(service.end() == 143)
        }
        #expect(certificates.count == 1)
        for name in ["ca.key.pem", "admin.auth", "ca.pem"] {
            #expect(try (Kernel.stat(folder.file("state/.store/\(name)"))?.mode ?? 0) & 0o777 == 0o600)
        }
        #expect(try (Kernel.stat(folder.file("state/.store"))?.mode ?? 0) & 0o777 == 0o700)
    }

    // MARK: Configuration

    @Test func faultyConfigurationFilesAreToldWithTheirLine() throws {
        let cases = [
            ("acl.yaml", "http-proxy:\n  policy: maybe\n", "proxy rules", "acl.yaml:2"),
            ("acl.yaml", "http-proxy: [\n", "proxy rules", "acl.yaml:2"),
            ("inspectors.yaml", "git:\n  urls:\n    - 'https://a.example/{b'\n", "inspectors", "inspectors.yaml:3"),
        ]
        for (name, text, topic, place) in cases {
            try folder.write(text, to: "conf/\(name)")
            let service = try ServiceProcess(folder)
            #expect(service.end() == 1)
            #expect(service.errors.contains("ERROR: cannot start service: \(topic)"), "\(service.errors)")
            #expect(service.errors.contains(place), "\(service.errors)")
            try Kernel.unlink(folder.file("conf/\(name)"))
        }
    }

    @Test(arguments: ["admin", ":secret", "admin:"])
    func credentialsThatAreNoneAreRefused(text: String) throws {
        let service = try ServiceProcess(folder, environment: ["FETCH_SERVICE_AUTH": text])
        #expect(service.end() == 1)
        #expect(service.errors.contains("FETCH_SERVICE_AUTH"))
    }

    @Test func givenCredentialsAreUsedAndNotWrittenDown() throws {
        let service = try ServiceProcess(folder, environment: ["FETCH_SERVICE_AUTH": "farm:pass:word"])
        let place = try service.waitUntilReady()
        _ = try place.control.openSession(policy: .strict, timeout: nil)
        #expect(try Kernel.stat(folder.file("state/.store/admin.auth")) == nil)
        #expect(!folder.text("state/service.json").contains("auth-path"))
    }

    @Test func unknownVariablesAreWarnedOfBehindTheVersion() throws {
        let service = try ServiceProcess(
            folder,
            environment: [
                "FETCH_SERVICE_CACHE_SIEZ": "5G", "FETCH_SERVICE_SOCKET": "/x", "FETCH_SERVICE_PROGRAM": "/x",
                "FETCH_SERVICE_WHATEVER_THIS_IS": "1", "FETCH_SERVICE_LOOPS": "1", "FETCH_SERVICE_EMPTY": "",
            ])
        _ = try service.waitUntilReady()
        let lines = service.errors.split(separator: "\n")
        #expect(lines.first?.contains("INFO : fetch-service ") == true)
        let warnings = lines.filter { $0.contains("WARN : unknown variable ") }
        #expect(warnings.count == 2 && lines.dropFirst().prefix(2).elementsEqual(warnings), "\(lines)")
        #expect(
            warnings[0].hasSuffix(
                "'FETCH_SERVICE_CACHE_SIEZ' is ignored; did you mean 'FETCH_SERVICE_CACHE_SIZE'?"))
        #expect(warnings[1].contains("'FETCH_SERVICE_WHATEVER_THIS_IS' is ignored; fetch-service --check-config"))
    }

    @Test func theLocalSocketIsInTheLog() throws {
        let service = try ServiceProcess(folder, ["--control-socket", folder.file("socket")])
        _ = try service.waitUntilReady()
        #expect(service.waitForLog("INFO : local socket: \(folder.file("socket"))\n"))
        #expect(service.output.split(separator: "\n").count == 3)
    }

    @Test func upstreamProxiesThatCannotBeUsedAreTold() throws {
        let service = try ServiceProcess(folder, environment: ["http_proxy": "ftp://proxy.example:3128"])
        #expect(service.end() == 1)
        #expect(service.errors.contains("http_proxy"))
    }

    @Test func anUpstreamProxyThatIsThisServiceIsRefused() throws {
        // A port that was free a moment ago.
        let port = try Listener(.loopback4(port: 0)).address.port
        let service = try ServiceProcess(
            folder, ["--proxy-port", "\(port)"], environment: ["HTTPS_PROXY": "http://127.0.0.1:\(port)"])
        #expect(service.end() == 1)
        #expect(service.errors.contains("is this service itself"))
    }

    // MARK: Ports and the state folder

    @Test func aTakenProxyPortIsToldAtOnce() throws {
        let other = try SharedPort()
        let before = MonotonicTime.now()
        let service = try ServiceProcess(
            folder, ["--proxy-port", "\(other.port)", "--control-port", "0", "--log-file", folder.file("log")])
        #expect(service.end() == 1)
        #expect(MonotonicTime.now() - before < Machine.patience(.milliseconds(500)))
        expectAddressInUse()
        #expect(service.output.isEmpty && service.errors.isEmpty)
    }

    @Test func aTakenControlPortIsToldAtOnce() throws {
        let other = try SharedPort()
        let before = MonotonicTime.now()
        let service = try ServiceProcess(
            folder, ["--proxy-port", "0", "--control-port", "\(other.port)", "--log-file", folder.file("log")])
        #expect(service.end() == 2)
        #expect(MonotonicTime.now() - before < Machine.patience(.milliseconds(500)))
        expectAddressInUse()
        #expect(folder.text("log").contains("server error"))
    }

    private func expectAddressInUse() {
        let lines = folder.text("log").split(separator: "\n")
        #expect(lines.contains { $0.contains("ERROR:") && $0.contains("bind: address already in use") }, "\(lines)")
    }

    @Test func aPortTakenOnLoopbackIsNoticedWhenListeningEverywhere() throws {
        let other = try SharedPort()
        let service = try ServiceProcess(
            folder,
            [
                "--spool", folder.file("state"), "--proxy-port", "\(other.port)", "--control-port", "0", "--log-file",
                folder.file("log"),
            ], isBare: true)
        #expect(service.end() == 1)
        expectAddressInUse()
    }

    @Test func oneProcessUsesAStateFolder() throws {
        let first = try ServiceProcess(folder)
        _ = try first.waitUntilReady()
        let second = try ServiceProcess(folder)
        #expect(second.end() == 1)
        #expect(second.errors.contains("another fetch-service uses the state folder \(first.state)"))
        #expect(!folder.text("state/service.json").isEmpty)
    }

    @Test func withoutAFolderForItsStateItSaysWhatToDo() throws {
        guard geteuid() != 0 else { return }
        let service = try ServiceProcess(folder, ["--proxy-port", "0", "--control-port", "0"], isBare: true)
        #expect(service.end() == 1)
        #expect(service.errors.contains("--spool"))
    }
}

/// A port on 127.0.0.1 that somebody has who would share it (`SO_REUSEPORT`), as some build tools do.
struct SharedPort {
    let port: UInt16
    private let socket: SharedDescriptor

    init() throws {
        socket = SharedDescriptor(adopting: try Kernel.socket(ipv6: false))
        var on: CInt = 1
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<CInt>.size))
        try Kernel.bind(socket.raw, .loopback4(port: 0))
        try Kernel.listen(socket.raw, backlog: 1)
        port = Kernel.localAddress(socket.raw)?.port ?? 0
    }
}
