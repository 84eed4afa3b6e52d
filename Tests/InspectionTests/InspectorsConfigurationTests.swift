import Core
import Testing

@testable import Inspection

@Suite struct InspectorsConfigurationTests {
    private func decode(_ json: String) throws -> InspectorsConfiguration {
        try InspectorsConfiguration(json: Array(json.utf8))
    }

    private static let all = """
        {"git": {"urls": ["https://git.example:443/**"]}, "crafts": {"urls": ["https://git.example:443/c/**"]},
         "chisel": {"urls": ["https://chisel.example:443/**"]}, "store": {"urls": ["https://api.example:443/v2/**"]},
         "bldbin": {"urls": ["https://api.example:443/v1/**"]}, "pip": {"urls": ["https://files.example:443"]},
         "snap": {"snap-declaration": [{"name": "publisher-id", "value": ["canonical"]}]},
         "apt": {"repositories": {"default": {"urls": ["http://archive.example/ubuntu"], "suites": ["*"],
           "components": ["main"], "public-key": "KEY", "base-url-alias": "http://archive.example"}}},
         "unknown": {"x": 1}}
        """

    @Test func everySectionIsReadAndUnknownKeysAreIgnored() throws {
        let configuration = try decode(Self.all)
        #expect(configuration.git?.urls.map(\.pattern) == ["https://git.example:443/**"])
        #expect(configuration.crafts?.urls.count == 1)
        #expect(configuration.chisel?.urls.count == 1)
        #expect(configuration.store?.urls.count == 1)
        #expect(configuration.bldbin?.urls.count == 1)
        #expect(configuration.pip?.urls.count == 1)
        #expect(configuration.snap?.declaration.first?.value == ["canonical"])
        let repository = try #require(configuration.apt?.repositories["default"])
        #expect(repository.suites.map(\.description) == ["*"])
        #expect(repository.publicKey == "KEY")
        #expect(repository.baseURLAlias == "http://archive.example")
        #expect(try decode(String(decoding: configuration.json(), as: UTF8.self)) == configuration)
    }

    @Test(arguments: [
        (all, ["unknown"]), ("{}", []), (#"{"git": null, "gti": null, "pip": {"urls": null}}"#, []),
        (#"{"git": {"url": [], "urls": []}, "Git": 1}"#, ["Git", "git.url"]),
        (
            #"{"snap": {"snap-declaration": [{"name": "a", "value": ["b"]}, {"name": "a", "value": [], "v": 1}]}}"#,
            ["snap.snap-declaration[1].v"]
        ),
        (
            #"{"apt": {"repositories": {"dists": {"dists": ["a"], "key": {"x": 1}}}, "x.y": []}, "git": {"dists": []}}"#,
            ["apt.repositories.dists.key", "apt.x.y", "git.dists"]
        ),
    ])
    func keysThatNothingReadsAreNamed(_ json: String, _ keys: [String]) throws {
        #expect(try decode(json).unreadKeys(ofJSON: Array(json.utf8)) == keys)
    }

    @Test func olderFilesSayDists() throws {
        let configuration = try decode("{\"apt\": {\"repositories\": {\"a\": {\"dists\": [\"noble\"]}}}}")
        #expect(configuration.apt?.repositories["a"]?.suites.map(\.description) == ["noble"])
    }

    @Test func nothingIsTheEmptyConfiguration() throws {
        #expect(try InspectorsConfiguration(json: []) == InspectorsConfiguration())
        #expect(try decode("{}") == InspectorsConfiguration())
        #expect(try decode("{\"git\": null}") == InspectorsConfiguration())
        #expect(try decode("{\"git\": {}}").git?.urls == [])
    }

    @Test(arguments: [
        ("{\"pip\": {\"urls\": [\"https://a.example/**\", \"https://b.example/{a\"]}}", "pip.urls[1]: pattern"),
        ("{\"apt\": {\"repositories\": {\"d\": {\"suites\": [\"[a\"]}}}}", "apt.repositories.d.suites[0]: pattern"),
        ("{\"git\": {\"urls\": \"https://a.example\"}}", "git.urls: "),
        ("{\"git\": {\"urls\": [\"https://{a.example/x,b.example/y}/**\"]}}", "write two patterns"),
        ("{\"snap\": {\"snap-declaration\": [{\"value\": []}]}}", "the key 'name' is missing"),
        ("{\"git\"", ""),
    ])
    func aFaultNamesItsPlace(_ json: String, _ text: String) throws {
        let error = try #require(throws: InspectorsConfigurationError.self) { try decode(json) }
        #expect(text.isEmpty || error.description.contains(text), "\(error)")
    }

    @Test func aSectionOfTheRequestReplacesTheWholeSection() throws {
        let service = try decode(Self.all)
        #expect(service.merged(with: InspectorsConfiguration()) == service)
        let request = try decode("{\"apt\": {\"repositories\": {\"mine\": {\"urls\": []}}}, \"pip\": {\"urls\": []}}")
        let merged = service.merged(with: request)
        #expect(merged.apt?.repositories.keys.sorted() == ["mine"])
        #expect(merged.pip?.urls == [])
        #expect(merged.git == service.git)
        #expect(merged.snap == service.snap)
        #expect(InspectorsConfiguration().merged(with: service) == service)
    }

    // MARK: URL patterns

    @Test(arguments: [
        ("https://git.example:443/**", "https://git.example:443/a/b", true),
        ("https://git.example/**", "https://git.example:443/a/b", true),
        ("https://GIT.example/**", "https://git.example:443/a/b", true),
        ("http://archive.example/*", "http://archive.example:80/a", true),
        ("http://archive.example:80/*", "http://archive.example/a", true),
        ("https://git.example:443/*", "https://git.example:443/a/b", false),
        ("https://git.example:443/**", "https://git.example:8443/a", false),
        ("https://git.example/**", "http://git.example/a", false),
        ("https://*.example:443/**", "https://a.example:443/x", true),
        // Wildcards of the host stay in the host, those of the path in the path.
        ("https://**.example:443/**", "https://evil.test:443/.example:443/x", false),
        ("https://*/**", "https://evil.test:443/x", true),
        ("https://git.example**", "https://git.example.evil.test:443/", true),
        ("https://git.example**", "https://git.example:443/path", false),
        ("https://[::1]:8443/**", "https://[::1]:8443/a", false),
        ("https://\\[::1\\]:8443/**", "https://[::1]:8443/a", true),
        ("**", "https://anything.example:443/x", true),
        ("git.example/**", "https://git.example:443/x", false),
        ("http{,s}://a.example/**", "https://a.example:443/x", true),
    ])
    func patternsKeepHostAndPathApart(_ pattern: String, _ url: String, _ matches: Bool) throws {
        let inspected = try #require(InspectedURL(url))
        #expect(try URLPattern(pattern).matches(inspected) == matches)
    }

    @Test func aPatternWithoutAPathCoversTheHostOrNamesItsRoot() throws {
        let pattern = try URLPattern("https://files.example:443")
        let deep = try #require(InspectedURL("https://files.example:443/a/b"))
        let root = try #require(InspectedURL("https://files.example:443/"))
        #expect(pattern.covers(deep))
        #expect(!pattern.matches(deep))
        #expect(pattern.matches(root))
    }

    @Test func urlsAreTakenApart() throws {
        let url = try #require(InspectedURL("https://a.example:8443/x%2By/z?q=/a"))
        #expect(url.origins == ["https://a.example:8443"])
        #expect(url.path == "/x%2By/z")
        #expect(url.query == "q=/a")
        #expect(url.segments == ["x+y", "z"])
        #expect(InspectedURL("http://[2001:db8::1]/")?.origins == ["http://[2001:db8::1]:80", "http://[2001:db8::1]"])
        #expect(InspectedURL("http://a.example?x")?.path == "/")
        for bad in ["ftp://a.example/", "https:///x", "/x", ""] { #expect(InspectedURL(bad) == nil) }
        for bad in ["%2f", "%5c", "%zz", "%4", "%00", "%80", ".", "%2e%2E"] {
            #expect(InspectedURL("http://a.example/\(bad)/x")?.segments == nil, "\(bad)")
        }
    }
}
