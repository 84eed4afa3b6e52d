import Core
import PlatformTesting
import Testing

@testable import fetchctl

@Suite struct SessionVariablesTests {
    let access: SessionAccess
    let files: SessionFiles

    init() throws {
        let id = try #require(SessionID("0f3a"))
        access = SessionAccess(
            proxy: try ProxyAddress("http://127.0.0.1:4321"), id: id, token: "T0k", bypass: SessionAccess.usualBypass)
        files = SessionFiles(in: SessionFolder(of: id, environment: ProcessEnvironment([:])))
    }

    private func result(
        _ inherited: [String: String], bypass: String? = nil, hidingService: Bool = true
    ) -> ProcessEnvironment {
        var access = access
        if let bypass { access.bypass = bypass }
        var environment = ProcessEnvironment(inherited)
        environment.apply(
            SessionVariables.changes(access, files: files, inherited: environment, hidingService: hidingService))
        return environment
    }

    @Test func everyProxyVariableCarriesTheSessionsCredentials() {
        let child = result(["http_proxy": "http://corporate.example:3128", "ALL_PROXY": "socks5://a.example"])
        for name in [
            "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "CARGO_HTTP_PROXY",
            "npm_config_proxy", "npm_config_https_proxy", "YARN_HTTPS_PROXY", "GIT_CONFIG_VALUE_0",
        ] {
            #expect(child[name] == "http://0f3a:T0k@127.0.0.1:4321/", "\(name)")
        }
    }

    @Test func theProgramsThatReplaceTheirRootsGetTheBundleAndTheOthersOursAlone() {
        let child = result([:])
        for name in [
            "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "npm_config_cafile", "CARGO_HTTP_CAINFO",
            "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
        ] {
            #expect(child[name] == "/tmp/fetchctl-0f3a/ca-bundle.pem", "\(name)")
        }
        #expect(child["NODE_EXTRA_CA_CERTS"] == "/tmp/fetchctl-0f3a/extra-ca.pem")
        #expect(child["DENO_CERT"] == "/tmp/fetchctl-0f3a/extra-ca.pem")
        #expect(child["APT_CONFIG"] == "/tmp/fetchctl-0f3a/apt.conf")
        #expect(child["WGETRC"] == "/tmp/fetchctl-0f3a/wgetrc")
    }

    @Test func anExistingNoProxyCannotLeadPastTheRecord() {
        let inherited = ["no_proxy": "*.example", "NO_PROXY": "*", "npm_config_noproxy": "x.example"]
        for name in inherited.keys {
            #expect(result(inherited)[name] == "localhost,127.0.0.1,::1", "\(name)")
            #expect(result(inherited, bypass: "")[name] == nil, "\(name)")
            #expect(result(inherited, bypass: "local.example")[name] == "local.example", "\(name)")
        }
    }

    @Test func whatDoesNotConcernUsStaysWithItsBytes() {
        let odd: [UInt8] = Array("ODD=".utf8) + [0xff, 0xfe]
        var environment = ProcessEnvironment(entries: [odd, Array("EMPTY=".utf8), Array("http_proxyx=1".utf8)])
        environment.apply(
            SessionVariables.changes(access, files: files, inherited: environment, hidingService: true))
        #expect(environment.entries[0] == odd)
        #expect(environment["EMPTY"] == "")
        #expect(environment["http_proxyx"] == "1")
    }

    @Test func theServicesCredentialsDoNotReachTheCommand() {
        let inherited = ["FETCH_SERVICE_AUTH": "a:b", "FETCH_SERVICE_URL": "http://x.example", "KEEP": "1"]
        let child = result(inherited)
        #expect(child["FETCH_SERVICE_AUTH"] == nil)
        #expect(child["FETCH_SERVICE_URL"] == nil)
        #expect(child["KEEP"] == "1")
        // A shell that evaluates `fetchctl env` needs them to revoke.
        #expect(result(inherited, hidingService: false)["FETCH_SERVICE_AUTH"] == "a:b")
    }

    @Test func gitSettingsOfTheEnvironmentAreKept() {
        let child = result([
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "me",
        ])
        #expect(child["GIT_CONFIG_COUNT"] == "2")
        #expect(child["GIT_CONFIG_KEY_0"] == "user.name")
        #expect(child["GIT_CONFIG_VALUE_0"] == "me")
        #expect(child["GIT_CONFIG_KEY_1"] == "http.proxy")
    }

    @Test func pipsOwnProxyIsReplacedOnlyWhereThereIsOne() {
        #expect(result([:])["PIP_PROXY"] == nil)
        #expect(result(["PIP_PROXY": "http://corporate.example"])["PIP_PROXY"] == access.proxyURL)
    }

    @Test func theOtherCaseOfNpmsVariablesIsRemoved() {
        let child = result(["NPM_CONFIG_PROXY": "http://corporate.example", "NODE_USE_ENV_PROXY": "0"])
        #expect(child["NPM_CONFIG_PROXY"] == nil)
        #expect(child["NODE_USE_ENV_PROXY"] == "0")
    }

    @Test func javaOptionsFollowThoseThatAreSetAndHoldNoToken() throws {
        let options = try #require(result(["JAVA_TOOL_OPTIONS": "-Xmx1g"])["JAVA_TOOL_OPTIONS"])
        #expect(options.hasPrefix("-Xmx1g -Djavax.net.ssl.trustStore=/tmp/fetchctl-0f3a/truststore.jks "))
        #expect(options.contains("-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4321"))
        #expect(options.contains("-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]"))
        #expect(!options.contains("T0k"))
        #expect(JavaOptions.secrets(access).contains("-Dhttps.proxyPassword=T0k\n"))
    }

    @Test func javaOptionsWithSpacesAreQuoted() throws {
        let id = try #require(SessionID("a"))
        let folder = SessionFolder(of: id, environment: ProcessEnvironment(["TMPDIR": "/my tmp"]))
        let text = JavaOptions.text(access, files: SessionFiles(in: folder))
        #expect(text.hasPrefix("'-Djavax.net.ssl.trustStore=/my tmp/fetchctl-a/truststore.jks' "))
    }

    @Test func noVariableStandsTwiceInTheTable() {
        let names = SessionVariables.table.flatMap(\.names) + SessionVariables.ownNames
        #expect(Set(names).count == names.count)
    }
}

@Suite struct ShellWordTests {
    @Test(arguments: [
        "", "plain", "it's", "'", "''", "a'b'c", "$HOME `id` \"x\" \\", "new\nline", "-Dx=a|b", "ünï", "*",
    ])
    func aShellReadsEveryWordAsItWas(_ text: String) throws {
        let folder = try TemporaryFolder()
        let line = ShellWord.line(for: EnvironmentChange("VALUE", text))
        let script = "\(line)\nprintf '%s' \"$VALUE\" > \(folder.file("out"))\n"
        let result = try Program.run("/bin/sh", ["-c", script])
        #expect(result.status == 0)
        #expect(folder.text("out") == text)
    }

    @Test func removingIsUnset() {
        #expect(ShellWord.line(for: EnvironmentChange("X", nil)) == "unset X")
    }
}
