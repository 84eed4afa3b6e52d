import ArgumentParser
import Core
import Inspection
import Platform
import Testing

@testable import fetch_service

@Suite struct ConfigurationTests {
    private func options(_ arguments: [String] = []) throws -> ServiceOptions { try ServiceOptions.parse(arguments) }

    @Test func optionsHaveTheContractsDefaults() throws {
        let options = try options()
        #expect(options.proxyPort == 9988 && options.controlPort == 9999 && options.idleShutdown == 0)
        #expect(!options.permissiveMode && options.verbosity == .info && options.stopTimeout == 0.8)
        #expect(try self.options(["-p", "1", "--control-port=2", "--verbosity", "debug"]).proxyPort == 1)
    }

    @Test func theStateFolderIsFoundWithoutAnyOption() throws {
        func spool(_ environment: [String: String], user: UInt32 = 1000) throws -> String {
            try ServiceConfiguration(try options(), environment: environment, user: user).spool
        }
        #expect(try spool([:], user: 0) == "/var/lib/fetch")
        #expect(try spool(["XDG_STATE_HOME": "/s", "HOME": "/h"]) == "/s/fetch-service")
        #expect(try spool(["XDG_STATE_HOME": "relative", "HOME": "/h"]) == "/h/.local/state/fetch-service")
        let snap = ["SNAP": "/snap", "SNAP_NAME": "fetch-service", "SNAP_COMMON": "/c", "SNAP_DATA": "/d"]
        #expect(try spool(snap, user: 0) == "/c/spool")
        #expect(try ServiceConfiguration(try options(), environment: snap).configFolder == "/d/conf")
        #expect(try ServiceConfiguration(try options(), environment: [:], user: 0).configFolder == "/etc/fetch")
        #expect(try ServiceConfiguration(try options(["--spool", "/x//"]), environment: [:]).spool == "/x")
        #expect(throws: StartFailure.self) { try spool([:]) }
    }

    @Test(
        arguments: [
            ("1000", 1000), ("2k", 2048), ("500M", 500 << 20), ("20GiB", 20 << 30), ("1t", 1 << 40), ("7B", 7),
        ] as [(String, Int64)])
    func amountsAreRead(text: String, bytes: Int64) { #expect(ByteAmount(argument: text)?.bytes == bytes) }

    @Test(arguments: ["", "M", "-1", "1.5G", "1X", "9223372036854775807K", "1 G"])
    func whatIsNoAmountIsRefused(text: String) { #expect(ByteAmount(argument: text) == nil) }

    @Test func passwordsMayHaveColons() {
        #expect(AdminCredentials("u:p:q")?.password == "p:q")
        for text in ["", "u", ":p", "u:"] { #expect(AdminCredentials(text) == nil) }
    }

    // MARK: acl.yaml

    private func policy(_ text: String) throws -> DestinationPolicy {
        let folder = try TestFolder()
        try folder.write(text, to: "acl.yaml")
        return try AccessControlFile.read(folder: folder.path)
    }

    @Test func rulesAreReadInTheirOrder() throws {
        let policy = try policy(
            """
            http-proxy:
              policy: deny
              rules:
                - dst: [10.0.0.0/8, "FD00::/8"]
                  access: allow
                - dst: [10.1.2.3]
                  access: deny
            """)
        #expect(policy.policy == .deny && policy.rules.map(\.access) == [.allow, .deny])
        #expect(policy.rules[0].networks.map(\.description) == ["10.0.0.0/8", "fd00::/8"])
        #expect(policy.rules[1].networks.map(\.description) == ["10.1.2.3/32"])
    }

    @Test(arguments: ["", "# nothing\n", "http-proxy:\n", "http-proxy: {}\n", "other: 1\n", "http-proxy:\n  rules:\n"])
    func missingKeysAllow(text: String) throws { #expect(try policy(text) == DestinationPolicy()) }

    @Test func aMissingFileAllows() throws {
        #expect(try AccessControlFile.read(folder: "/nonexistent") == DestinationPolicy())
    }

    @Test(arguments: [
        ("[]", 1, "mapping"), ("http-proxy: 3", 1, "mapping"), ("http-proxy:\n  policy: Allow", 2, "neither"),
        ("http-proxy:\n  rules: x", 2, "list"), ("http-proxy:\n  rules:\n    - 3", 3, "mapping"),
        ("http-proxy:\n  rules:\n    - dst: [10.0.0.0/8]", 3, "no 'access'"),
        ("http-proxy:\n  rules:\n    - access: deny", 3, "no 'dst'"),
        ("http-proxy:\n  rules:\n    - access: deny\n      dst: 10.0.0.0/8", 4, "list"),
        (
            "http-proxy:\n  rules:\n    - access: deny\n      dst:\n        - 10.0.0.0/8\n        - host.example", 6,
            "no network"
        ),
        ("http-proxy:\n  rules:\n    - access: deny\n      dst: [10.0.0.0/33]", 4, "no network"),
        ("a: b: c", 1, "mapping values"), ("\"", 1, "end of stream"),
    ])
    func faultsAreToldWithTheirLine(text: String, line: Int, what: String) {
        #expect { try policy(text) } throws: { error in
            "\(error)".contains("acl.yaml:\(line)") && "\(error)".contains(what)
        }
    }

    // MARK: inspectors.yaml

    @Test func inspectorsAreRead() throws {
        let folder = try TestFolder()
        #expect(try InspectorsFile.read(folder: folder.path) == InspectorsConfiguration())
        try folder.write("", to: "inspectors.yaml")
        #expect(try InspectorsFile.read(folder: folder.path) == InspectorsConfiguration())
        try folder.write(
            "git: {urls: ['https://git.example:443/**']}\nunknown: 1\napt:\n  repositories:\n    main:\n      urls: []\n",
            to: "inspectors.yaml")
        let configuration = try InspectorsFile.read(folder: folder.path)
        #expect(configuration.git?.urls.count == 1 && configuration.apt?.repositories.keys.first == "main")
    }

    @Test func faultsOfInspectorsAreToldWithTheirLine() throws {
        let folder = try TestFolder()
        try folder.write(
            "apt:\n  repositories:\n    main:\n      urls:\n        - 'ok'\n        - '['\n", to: "inspectors.yaml")
        #expect { try InspectorsFile.read(folder: folder.path) } throws: { "\($0)".contains("inspectors.yaml:6") }
    }
}
