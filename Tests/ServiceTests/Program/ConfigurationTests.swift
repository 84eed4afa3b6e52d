import ArgumentParser
import Core
import Foundation
import Inspection
import Platform
import PlatformTesting
import Sessions
import Testing

@testable import fetch_service

@Suite struct ConfigurationTests {
    private func options(_ arguments: [String] = []) throws -> ServiceOptions { try ServiceOptions.parse(arguments) }

    @Test func optionsHaveTheContractsDefaults() throws {
        func chosen(_ flags: [String]) throws -> ServiceSettings {
            ServiceConfiguration(reading: try options(flags), environment: [:], user: 0).settings
        }
        let settings = try chosen([])
        #expect(settings.proxyPort == 9988 && settings.controlPort == 9999 && settings.idleShutdown == .zero)
        #expect(!settings.sessions.allowsPermissive && settings.verbosity == .info)
        #expect(settings.stopTimeout == .milliseconds(800))
        let other = try chosen(["-p", "1", "--control-port=2", "--verbosity", "debug", "--idle-shutdown=300"])
        #expect(other.proxyPort == 1 && other.controlPort == 2 && other.verbosity == .debug)
        #expect(other.idleShutdown == .seconds(300))
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

    @Test func aRelativePathIsMadeAbsolute() throws {
        let here = FileManager.default.currentDirectoryPath
        for (given, meant) in [("state", "state"), ("./state/", "state"), ("../a", "../a")] {
            #expect(
                try ServiceConfiguration(try options(["--spool", given]), environment: [:]).spool == "\(here)/\(meant)")
        }
        let settings = try ServiceConfiguration(
            try options(["--cert", "c", "--key", "./k", "--control-socket", "s"]), environment: [:], user: 0
        ).settings
        #expect(settings.certificate == "\(here)/c" && settings.key == "\(here)/k")
        #expect(settings.controlSocket == "\(here)/s")
    }

    @Test func passwordsMayHaveColons() {
        #expect(AdminCredentials("u:p:q")?.password == "p:q")
        for text in ["", "u", ":p", "u:"] { #expect(AdminCredentials(text) == nil) }
    }

    // MARK: acl.yaml

    private func policy(_ text: String) throws -> DestinationPolicy {
        let folder = try TemporaryFolder.configured()
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

    @Test(arguments: ["", "# nothing\n", "http-proxy:\n", "http-proxy: {}\n", "http-proxy:\n  rules:\n"])
    func missingKeysAllow(text: String) throws { #expect(try policy(text) == DestinationPolicy()) }

    @Test(arguments: [
        ("http-proxi: {policy: deny}\n", "unknown key 'http-proxi'; there are http-proxy"),
        ("http-proxy:\n  polici: deny\n", "acl.yaml:2: unknown key 'polici'; there are policy, rules"),
        ("http-proxy:\n  rules:\n    - dst: [10.0.0.0/8]\n      acces: deny\n", ":4: unknown key 'acces'"),
    ])
    func keysThatMeanNothingAreFaults(text: String, fault: String) throws {
        let error = try #require(throws: ConfigurationFaults.self) { try policy(text) }
        #expect(error.description.contains(fault), "\(error)")
    }

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
        let folder = try TemporaryFolder.configured()
        #expect(try InspectorsFile.read(folder: folder.path) == InspectorsConfiguration())
        try folder.write("", to: "inspectors.yaml")
        #expect(try InspectorsFile.read(folder: folder.path) == InspectorsConfiguration())
        try folder.write(
            "git: {urls: ['https://git.example:443/**']}\nunknown: 1\napt:\n  repositories:\n    main:\n      urls: []\n",
            to: "inspectors.yaml")
        let configuration = try InspectorsFile.read(folder: folder.path)
        #expect(configuration.git?.urls.count == 1 && configuration.apt?.repositories.keys.first == "main")
    }

    @Test func unknownKeysOfInspectorsAreNamed() throws {
        let text = """
            usual: &usual {urls: [], later: 1}
            git: {urls: ['https://git.example/**'], url: ~, "u:l": {a: *usual}}
            apt: {repositories: {main: {<<: *usual, suites: [], x: []}}}
            snap: {snap-declaration: [{name: a, value: [b]}, {name: a, value: [], v: 1}]}
            """
        let configuration = try InspectorsFile.read(text: Array(text.utf8), path: "a")
        #expect(
            try InspectorsFile.unreadKeys(of: Array(text.utf8), readAs: configuration) == [
                "apt.repositories.main.x", "git.u:l", "snap.snap-declaration[1].v", "usual",
            ])
        #expect(try InspectorsFile.unreadKeys(of: [], readAs: InspectorsConfiguration()) == [])
    }

    @Test func allFaultsOfRulesAreTold() throws {
        #expect {
            try policy(
                """
                http-proxy:
                  policy: maybe
                  rules:
                    - dst: [10.0.0.0/8, x, y]
                    - access: never
                      dst: ['::1']
                """)
        } throws: { error in
            let faults = (error as? ConfigurationFaults)?.faults.map(\.description) ?? []
            return faults.count == 5 && faults[1].contains("acl.yaml:4") && faults[4].contains("acl.yaml:5")
        }
    }

    @Test func allFaultsOfInspectorsAreToldWithTheirLines() throws {
        let folder = try TemporaryFolder.configured()
        try folder.write(
            """
            git: []
            apt:
              repositories:
                main:
                  urls:
                    - '['
                    - 'https://a.example/**'
                    - '{'
                other:
                  public-key: [1]
            pip:
              urls: no list
            """, to: "inspectors.yaml")
        #expect { try InspectorsFile.read(folder: folder.path) } throws: { error in
            let faults = (error as? ConfigurationFaults)?.faults.map(\.description) ?? []
            let lines = faults.compactMap { $0.split(separator: ":").dropFirst().first.flatMap { Int($0) } }
            return Set(lines) == [1, 6, 8, 10, 12] && faults.contains { $0.contains("urls[2]") }
        }
    }

    @Test func faultsOfInspectorsAreToldWithTheirLine() throws {
        let folder = try TemporaryFolder.configured()
        try folder.write(
            "apt:\n  repositories:\n    main:\n      urls:\n        - 'ok'\n        - '['\n", to: "inspectors.yaml")
        #expect { try InspectorsFile.read(folder: folder.path) } throws: { "\($0)".contains("inspectors.yaml:6") }
    }
}
