import Core
import Cryptography
import Platform
import PlatformTesting
import Testing

@Suite(.timeLimit(.minutes(3)), .serialized) struct ConfigurationCheckTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder.configured()
        try Kernel.mkdir(folder.file("conf"))
    }

    private func check(
        _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> (status: Int32?, output: String, errors: String) {
        let service = try ServiceProcess(
            folder, ["--check-config", "--config", folder.file("conf")] + arguments,
            environment: environment.merging(["HOME": folder.path]) { one, _ in one }, isBare: true)
        return (service.end(), service.output, service.errors)
    }

    @Test func whatIsInForceIsPrintedWithWhereItComesFrom() throws {
        try folder.write(
            "cache:\n  size: 5G\nupstream.http: http://user:hidden@proxy.example:3128\n", to: "conf/service.yaml")
        try folder.write("http-proxy: {policy: deny}\n", to: "conf/acl.yaml")
        let environment = ["FETCH_SERVICE_LOG_FORMAT": "json", "FETCH_SERVICE_AUTH": "admin:hidden"]
        let (status, output, errors) = try check(["--stop-timeout", "30"], environment: environment)
        #expect(status == 0 && errors.isEmpty, "\(errors)")
        let lines = output.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
        func origin(_ key: String, _ value: String) -> String? {
            lines.first { $0.first == "\(key):" && $0[1] == value }?.dropFirst(3).joined(separator: " ")
        }
        #expect(origin("cache.size", "5G") == "\(folder.file("conf/service.yaml")):2")
        #expect(origin("stop-timeout", "30s") == "--stop-timeout")
        #expect(origin("log.format", "json") == "FETCH_SERVICE_LOG_FORMAT")
        #expect(origin("limits.connections", "16384") == "default")
        #expect(origin("upstream.http", "http://***@proxy.example:3128") != nil)
        #expect(!output.contains("hidden") && output.contains("FETCH_SERVICE_AUTH: ***"))
        #expect(output.contains("acl.yaml: 0 rules, otherwise deny"))
        #expect(output.contains("inspectors.yaml: not there, so nothing is trusted"))
        // Nothing was started or made.
        #expect(try Kernel.names(inFolder: folder.path).contains(".local") == false)
    }

    @Test func aFileThatIsNotThereIsSaidWithWhatThatMeans() throws {
        let (status, output, _) = try check()
        #expect(status == 0)
        #expect(output.contains("acl.yaml: not there, so every address is allowed but those that are always denied"))
    }

    @Test func aFolderThatIsNotThereIsAMistake() throws {
        try Kernel.rmdir(folder.file("conf"))
        let (status, _, errors) = try check()
        #expect(status == 1 && errors.contains("there is no folder \(folder.file("conf"))"), "\(errors)")
    }

    @Test func aLogFileThatCouldNotBeOpenedIsAMistakeWithItsPlace() throws {
        try folder.write("loops: 1\nlog.file: \(folder.file("none/log"))\n", to: "conf/service.yaml")
        let (status, _, errors) = try check()
        #expect(status == 1)
        #expect(
            errors == "\(folder.file("conf/service.yaml")):2: log.file: \(folder.file("none/log")) cannot be opened: "
                + "No such file or directory\n")
        for (path, text) in [("conf", "Is a directory"), ("conf/service.yaml/log", "Not a directory")] {
            let (status, _, errors) = try check(["--log-file", folder.file(path)])
            #expect(status == 1 && errors.hasPrefix("--log-file: log.file: ") && errors.contains(text), "\(errors)")
        }
        let variable = try check(environment: ["FETCH_SERVICE_LOG_FILE": "/proc/nothing/log"])
        #expect(variable.errors.hasPrefix("FETCH_SERVICE_LOG_FILE: "), "\(variable.errors)")
        // Only looked at.
        #expect(try check(["--log-file", folder.file("log")]).status == 0)
        #expect(try Kernel.stat(folder.file("log")) == nil)
        try folder.write("before\n", to: "log")
        #expect(try check(["--log-file", folder.file("log")]).status == 0 && folder.text("log") == "before\n")
    }

    @Test func pathsThatOnlyAShellUnderstandsAreMistakes() throws {
        try folder.write(
            "authority: {certificate: ~/ca.pem, key: ~x/key.pem}\ncache.folder: a~b\n", to: "conf/service.yaml")
        let (status, _, errors) = try check(environment: ["FETCH_SERVICE_LOG_FILE": "~/log"])
        let lines = errors.split(separator: "\n")
        #expect(status == 1 && lines.count == 3 && lines.allSatisfy { $0.contains("means something only to a shell") })
        #expect(lines.map { $0.contains("service.yaml:1: authority.") } == [true, true, false], "\(lines)")
        #expect(lines.last?.hasPrefix("FETCH_SERVICE_LOG_FILE: '~/log'") == true, "\(lines)")
        for flag in ["--spool", "--log-file", "--config"] {
            let (status, _, errors) = try check(["\(flag)=~/place"])
            #expect(status == 1 && errors.hasPrefix("error: \(flag): '~/place' cannot be used"), "\(errors)")
        }
    }

    @Test(arguments: [
        ("listen: {proxy-port: 9999}", ":1: listen.proxy-port"),
        ("listen: {control-port: 9988}", ":1: listen.control-port"),
        ("listen.proxy-port: 5\nlisten.control-port: 5", ":2: listen.control-port"),
        ("listen: {proxy-port: 5, control-port: 5, proxy-address: 127.0.0.1}", ":1: "),
        ("listen: {proxy-port: 5, control-port: 5, proxy-address: '::', control-address: '::1'}", ":1: "),
        ("listen: {proxy-port: 5, control-port: 5, proxy-address: 127.0.0.1, control-address: 127.0.0.1}", ":1: "),
        ("listen: {proxy-port: 5, control-port: 5, proxy-address: 127.0.0.1, control-address: 127.0.0.2}", nil),
        ("listen: {proxy-port: 5, control-port: 5, proxy-address: 0.0.0.0, control-address: '::'}", nil),
        ("listen: {proxy-port: 0, control-port: 0}", nil),
    ])
    func twoListenersCannotHaveTheSamePort(text: String, place: String?) throws {
        try folder.write(text, to: "conf/service.yaml")
        let (status, _, errors) = try check()
        #expect(status == (place == nil ? 0 : 1), "\(errors)")
        if let place { #expect(errors.contains(place) && errors.contains("cannot both have port"), "\(errors)") }
        // What systemd hands over counts instead.
        #expect(try check(environment: ["LISTEN_FDS": "2"]).status == 0)
    }

    @Test func unknownVariablesAreWarnedOf() throws {
        let environment = ["FETCH_SERVICE_CACHE_SIEZ": "5G", "FETCH_SERVICE_URL": "http://x.example"]
        let text = "unknown variable 'FETCH_SERVICE_CACHE_SIEZ' is ignored; did you mean 'FETCH_SERVICE_CACHE_SIZE'?"
        let passed = try check(environment: environment)
        #expect(passed.status == 0 && passed.output.hasPrefix("# warning: \(text)\n"), "\(passed.output)")
        let failed = try check(environment: environment.merging(["FETCH_SERVICE_LOOPS": "x"]) { $1 })
        #expect(failed.status == 1 && failed.errors.hasSuffix("\nwarning: \(text)\n"), "\(failed.errors)")
        let json = try JSONValue(parsing: Array(try check(["--json"], environment: environment).output.utf8))
        #expect(json["mistakes"] == [] && json["warnings"] == [.string(text)])
    }

    @Test func mistakesComeInTheOrderOfTheirFilesAndLines() throws {
        try folder.write("loops: none\nwhat: 1\nlimits: {this: 1}\nlog.format: xml\n", to: "conf/service.yaml")
        try folder.write("http-proxy:\n  policy: maybe\n  rules: 3\nother: 1\n", to: "conf/acl.yaml")
        let errors = try check(environment: ["FETCH_SERVICE_LOG_FORMAT": "xml", "FETCH_SERVICE_CACHE_SIZE": "x"]).errors
        let places = errors.split(separator: "\n").map { line in
            line.prefix { $0 != " " }.split(separator: "/").last.map(String.init) ?? ""
        }
        #expect(
            places == [
                "acl.yaml:2:", "acl.yaml:3:", "acl.yaml:4:", "service.yaml:1:", "service.yaml:2:", "service.yaml:3:",
                "service.yaml:4:", "FETCH_SERVICE_CACHE_SIZE:", "FETCH_SERVICE_LOG_FORMAT:",
            ])
    }

    @Test func whatIsPrintedIsAConfiguration() throws {
        let first = try check()
        #expect(first.status == 0)
        try folder.write(first.output, to: "conf/service.yaml")
        let second = try check()
        #expect(second.status == 0, "\(second.errors)")
    }

    @Test func allMistakesOfAllFilesArePrintedWithTheirLines() throws {
        try folder.write("http-proxy:\n  policy: maybe\n  rules: 3\n", to: "conf/acl.yaml")
        try folder.write("git:\n  urls: ['[']\n", to: "conf/inspectors.yaml")
        try folder.write("cache.siez: 6G\nloops: none\n", to: "conf/service.yaml")
        let (status, output, errors) = try check(
            ["--cert", folder.file("some.pem")], environment: ["FETCH_SERVICE_LOG_FORMAT": "xml"])
        #expect(status == 1 && output.isEmpty)
        let lines = errors.split(separator: "\n")
        #expect(lines.count == 7, "\(lines)")
        let places = [
            "service.yaml:1: unknown key 'cache.siez'; did you mean 'cache.size'?", "service.yaml:2: loops: 'none'",
            "FETCH_SERVICE_LOG_FORMAT: 'xml'", "give both --cert and --key", "acl.yaml:2", "acl.yaml:3",
            "inspectors.yaml:2",
        ]
        for place in places { #expect(lines.contains { $0.contains(place) }, "\(place) is not in \(lines)") }
    }

    @Test func mistakesComeAsJSONWithFileAndLine() throws {
        try folder.write("http-proxy:\n  policy: maybe\n", to: "conf/acl.yaml")
        try folder.write("loops: none\ncache.siez: \"6\\u202eG\"\n", to: "conf/service.yaml")
        let (status, output, errors) = try check(["--json"], environment: ["FETCH_SERVICE_LOG_FORMAT": "xml"])
        #expect(status == 1 && errors.isEmpty, "\(errors)")
        let found = try JSONValue(parsing: Array(output.utf8))
        #expect(found["settings"] == nil && !output.contains("\u{202e}"))
        let mistakes = try #require(found["mistakes"]?.list)
        func places(_ file: JSONValue) -> [JSONValue?] { mistakes.filter { $0["file"] == file }.map { $0["line"] } }
        #expect(mistakes.count == 4)
        #expect(Set(places(.string(folder.file("conf/service.yaml")))) == [1, 2])
        #expect(places(.string(folder.file("conf/acl.yaml"))) == [2])
        #expect(places(.null) == [.null])
        #expect(mistakes.contains { $0["text"]?.text?.hasPrefix("unknown key 'cache.siez'") == true })
        #expect(mistakes.contains { $0["text"]?.text?.hasPrefix("FETCH_SERVICE_LOG_FORMAT: 'xml'") == true })
    }

    @Test func whatIsInForceComesAsJSONToo() throws {
        try folder.write(
            "cache: {size: 5G}\nupstream.http: http://user:hidden@proxy.example\n", to: "conf/service.yaml")
        let (status, output, errors) = try check(["--json"])
        #expect(status == 0 && errors.isEmpty && !output.contains("hidden"))
        let found = try JSONValue(parsing: Array(output.utf8))
        #expect(found["mistakes"] == [])
        let size: JSONValue = ["value": "5G", "from": .string("\(folder.file("conf/service.yaml")):1")]
        #expect(found["settings"]?["cache.size"] == size)
        #expect(found["settings"]?["stop-timeout"]?["from"] == "default")
        let alone = try ServiceProcess(folder, ["--json"])
        #expect(alone.end() == 1 && alone.errors.contains("--json goes with --check-config"))
    }

    @Test func fetchctlPassesItOn() throws {
        try folder.write("loops: none\n", to: "conf/service.yaml")
        let fetchctl = String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl"
        let check = [fetchctl, "config", "check", folder.file("conf")]
        let text = try ClientProgram.run(check, in: folder)
        #expect(text.status == 1 && text.output.isEmpty && text.errors.contains("service.yaml:1: loops: "))
        let json = try ClientProgram.run(check + ["--json"], in: folder)
        #expect(json.status == 1 && json.errors.isEmpty)
        #expect(try JSONValue(parsing: Array(json.output.utf8))["mistakes"]?.list?.count == 1)
        try folder.write("loops: 1\n", to: "conf/service.yaml")
        #expect(try ClientProgram.run(check + ["--json"], in: folder).status == 0)
    }

    @Test func certificatesAndCredentialsAreLookedAt() throws {
        let (one, two) = (
            try CertificateAuthority.generate(commonName: "one"), try CertificateAuthority.generate(commonName: "two")
        )
        try Kernel.replaceFile(folder.file("one.pem"), with: one.certificatePEM)
        try Kernel.replaceFile(folder.file("two.key"), with: two.keyPEM)
        try folder.write("nonsense\n", to: "credentials")
        let (status, _, errors) = try check([
            "--cert", folder.file("one.pem"), "--key", folder.file("two.key"), "--set",
            "control.credentials-file=\(folder.file("credentials"))",
        ])
        #expect(status == 1)
        #expect(errors.contains("certificates: the key does not belong") && errors.contains("user:password"))
    }
}
