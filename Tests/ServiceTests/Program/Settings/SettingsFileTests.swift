import ArgumentParser
import Cache
import Core
import Platform
import Proxy
import Testing

@testable import fetch_service

@Suite struct SettingsFileTests {
    private func file(_ text: String) -> SettingsFile { SettingsFile(text: Array(text.utf8), path: "service.yaml") }

    private func resolved(
        _ text: String, environment: [String: String] = [:], flags: [String] = []
    ) throws -> ResolvedSettings {
        ResolvedSettings(
            file: file(text), environment: environment, flags: try ServiceOptions.parse(flags).given)
    }

    @Test func keysStandWholeOrBelowTheirSection() throws {
        let resolved = try resolved(
            "cache:\n  size: 5G\ncache.memory: 1M\nstop-timeout: 30\ncontrol:\n  names: [a, b]\n")
        #expect(resolved.faults.map(\.description) == [])
        #expect(resolved.settings.cache.sizeCap == 5 << 30 && resolved.settings.cache.bodyMemory == 1 << 20)
        #expect(resolved.settings.stopTimeout == .seconds(30) && resolved.settings.controlNames == ["a", "b"])
        #expect(resolved.origin(of: "cache.size") == .file("service.yaml", line: 2))
        #expect(resolved.origin(of: "cache.compress") == .builtIn)
    }

    @Test(arguments: ["", "# nothing\n", "~\n", "{}\n"])
    func anEmptyFileChangesNothing(text: String) throws {
        let resolved = try resolved(text)
        #expect(resolved.faults.isEmpty && resolved.origins.isEmpty)
    }

    @Test func aMissingFileChangesNothing() {
        let file = SettingsFile(folder: "/nonexistent")
        #expect(file.given.isEmpty && file.faults.isEmpty && !file.isThere)
    }

    @Test func flagsGoBeforeTheEnvironmentBeforeTheFile() throws {
        let text = "cache.size: 1G\nlog.verbosity: error\nlimits.connections: 100\n"
        let environment = ["FETCH_SERVICE_CACHE_SIZE": "2G", "FETCH_SERVICE_LOG_VERBOSITY": "debug"]
        let resolved = try resolved(text, environment: environment, flags: ["--cache-size", "3G"])
        #expect(resolved.settings.cache.sizeCap == 3 << 30)
        #expect(resolved.settings.verbosity == .debug)
        #expect(resolved.settings.proxy.mostConnections == 100)
        #expect(resolved.origin(of: "cache.size") == .flag("--cache-size"))
        #expect(resolved.origin(of: "log.verbosity") == .variable("FETCH_SERVICE_LOG_VERBOSITY"))
    }

    @Test func oneFlagMayStandForSeveralSettings() throws {
        let resolved = try resolved("", flags: ["--bind", "127.0.0.1", "--set", "limits.connections=7"])
        #expect(resolved.settings.proxyAddress == "127.0.0.1" && resolved.settings.controlAddress == "127.0.0.1")
        #expect(resolved.settings.proxy.mostConnections == 7)
    }

    @Test func theUsualVariablesNameUpstreamProxies() throws {
        let environment = [
            "HTTP_PROXY": "http://a.example:1", "http_proxy": "http://b.example:1", "NO_PROXY": "c.example",
        ]
        let resolved = try resolved("upstream.http: http://d.example:1\n", environment: environment)
        #expect(resolved.settings.upstreamHTTP == "http://b.example:1")
        #expect(resolved.settings.upstreamBypass == "c.example" && resolved.settings.upstreamHTTPS == nil)
        let empty = try self.resolved("upstream.http: http://d.example:1\n", environment: ["http_proxy": ""])
        #expect(empty.settings.upstreamHTTP == "http://d.example:1")
    }

    @Test(
        arguments: [
            ("cache.siez: 1G", 1, "unknown key 'cache.siez'; did you mean 'cache.size'?"),
            ("a: 1\n", 1, "unknown key 'a'"), ("nonsense:\n  deep:\n    er: 1\n", 1, "unknown key 'nonsense'"),
            ("cache: 5\n", 1, "'cache' is a section"), ("\ncache.size: much\n", 2, "cache.size: 'much' cannot be used"),
            ("cache:\n  size:\n    - 1G\n", 2, "one value is expected"), ("cache:\n  size:\n", 2, "has no value"),
            ("stop-timeout:\n  seconds: 5\n", 2, "takes a value"), ("[1, 2]\n", 1, "expected keys"),
            ("cache: {size: 1G}\ncache.size: 2G\n", 2, "stands twice; the other one is in line 1"),
            ("a: b: c\n", 1, "mapping values"), ("control.names: [[a]]\n", 1, "must be words"),
            ("loops: 1\nloops: 2\n", 1, "twice"),
            ("sessions.default-lifetime: 30d\n", 1, "longer than the longest"),
        ] as [(String, Int, String)])
    func faultsAreToldWithTheirLine(text: String, line: Int, what: String) throws {
        let faults = try resolved(text).faults.map(\.description)
        #expect(faults.count == 1, "\(faults)")
        #expect(faults.first?.hasPrefix("service.yaml:\(line): ") == true, "\(faults)")
        #expect(faults.first?.contains(what) == true, "\(faults)")
    }

    @Test func allFaultsAreToldNotOnlyTheFirst() throws {
        let resolved = try resolved(
            "cache:\n  size: much\n  what: 1\nlog:\n  format: xml\nlimits.connections: 5\n",
            environment: ["FETCH_SERVICE_LOOPS": "none"])
        #expect(resolved.faults.count == 4)
        #expect(resolved.faults.last?.description.hasPrefix("FETCH_SERVICE_LOOPS: 'none' cannot be used") == true)
        // What can be used is.
        #expect(resolved.settings.proxy.mostConnections == 5 && resolved.settings.cache.sizeCap == 20 << 30)
    }

    @Test func aFileThatIsNotUTF8OrTooLongIsAFault() {
        #expect(SettingsFile(text: [0xff], path: "x").faults.count == 1)
        let long = [UInt8](repeating: 0x20, count: ConfigurationFile.longest + 1)
        #expect(SettingsFile(text: long, path: "x").faults.first?.description.contains("longer than") == true)
    }

    @Test(arguments: [
        ["--proxy-port", "x"], ["--proxy-port", "65536"], ["--verbosity", "loud"], ["--stop-timeout", "2h"],
        ["--set", "cache.size"], ["--set", "nonsense=1"], ["--set", "cache.size=x"], ["--idle-shutdown", "-1"],
    ])
    func flagsThatCannotBeUsedAreRefused(flags: [String]) {
        #expect(throws: (any Error).self) { try ServiceOptions.parse(flags) }
    }
}
