import Core
import Testing
import Wire

@testable import Inspection

@Suite struct DebInspectorTests {
    private static let url = "http://archive.example/debian/pool/main/h/hello/hello-lib1_1.0-2_amd64.deb"

    @Test(arguments: [ArchiveBuilder.Filter.none, .gzip, .xz, .zstd])
    func everyCompressionIsRead(_ filter: ArchiveBuilder.Filter) throws {
        var deb = SampleDeb()
        deb.filter = filter
        let verdict = Sample.verdict(deb.bytes, engine: try Sample.engine())
        // Nobody configured the repository: recognised, not vouched for.
        #expect(verdict["deb"]?.opinion == .unknown)
        #expect(verdict.result == .rejected)
        #expect(verdict["deb"]?.reason.contains("no verified package index") ?? false)
        #expect(verdict["deb"]?.annotations.isEmpty ?? false)
        let metadata = verdict.metadata
        #expect(metadata.type == "application/vnd.debian.binary-package")
        #expect(metadata.name == "hello-lib1")
        #expect(metadata.version == "1:1.0-2")
        #expect(metadata.architecture == "amd64")
        #expect(metadata.vendor == "Example Maintainers <maint@archive.example>")
        #expect(metadata.description == "Greets the world")
        #expect(metadata.sourcePackage == "hello (1.0-1)")
        #expect(metadata.license == "MIT AND GPL-2.0-or-later")
        #expect(metadata.author == "Grace Example <grace@people.example>")
        #expect(metadata.copyright == "2020-2031 Grace Example\n2019 Others\n1998 Somebody")
    }

    /// Stands in for the index inspector of a later release.
    private struct Index: Inspector {
        let id = "apt.packages"
        let isValid: Bool

        func examine(_ request: InspectedRequest, at url: InspectedURL) -> RequestFinding? {
            RequestFinding(Inspection(.pending, "test"), claim: Claim(delivery: .held))
        }
        func extract(from bytes: any BlobBytes, type: String, budget: ExtractionBudget) -> JSONValue? { nil }
        func judge(
            _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
        ) -> ResponseFinding? {
            ResponseFinding(Inspection(.unknown, "listed", annotations: ["packages-is-valid": .bool(isValid)]))
        }
    }

    private func judged(_ deb: SampleDeb, url: String = DebInspectorTests.url, isValid: Bool) throws -> ResponseVerdict
    {
        let configuration = try InspectorsConfiguration(json: Array(Sample.trusting.utf8))
        let debs = DebInspector(repositories: configuration.apt?.repositories ?? [:])
        let engine = InspectionEngine(inspectors: [Index(isValid: isValid), debs])
        return Sample.verdict(deb.bytes, url: url, policy: .strict, engine: engine)
    }

    @Test func anIndexThatVouchesApproves() throws {
        #expect(try judged(SampleDeb(), isValid: true).result == .approved)
        let invalid = try judged(SampleDeb(), isValid: false)
        #expect(invalid.result == .rejected)
        #expect(invalid.refusalReason.contains("not verified"))
    }

    @Test(arguments: ["hello-lib2_1.0-2_amd64", "hello-lib1_1.0-3_amd64", "hello-lib1_1.0-2_arm64"])
    func aPackageUnderAnothersNameIsRejected(_ name: String) throws {
        let url = "http://archive.example/debian/pool/main/h/hello/\(name).deb"
        let verdict = try judged(SampleDeb(), url: url, isValid: true)
        #expect(verdict.result == .rejected)
        #expect(verdict.refusalReason.contains("was requested, the package is hello-lib1 1:1.0-2 amd64"))
    }

    @Test func theEpochMayStandInTheFileName() throws {
        let url = "http://archive.example/debian/pool/main/h/hello/hello-lib1_1%3a1.0-2_amd64.deb"
        #expect(try judged(SampleDeb(), url: url, isValid: true).result == .approved)
    }

    // MARK: Faults

    private func reason(_ bytes: [UInt8]) throws -> String {
        let verdict = Sample.verdict(bytes, engine: try Sample.engine())
        let reason = verdict["deb"]?.reason ?? ""
        #expect(verdict["deb"]?.opinion == (reason.contains("no verified package index") ? .unknown : .rejected))
        #expect(verdict.internalError == nil)
        return reason
    }

    @Test func anotherFormatIsRejected() throws {
        var deb = SampleDeb()
        deb.format = "3.0\n"
        #expect(try reason(deb.bytes).contains("the package format is '3.0'"))
    }

    @Test(arguments: ["Package", "Version"])
    func aPackageWithoutNameOrVersionIsRejected(_ field: String) throws {
        var deb = SampleDeb()
        deb.control = ("\n" + (deb.control ?? "")).replacing("\n\(field):", with: "\nX-\(field):")
        #expect(try reason(deb.bytes).contains("lacks its name or version"))
    }

    @Test func aPackageWithoutControlFileIsRejected() throws {
        var deb = SampleDeb()
        deb.control = nil
        #expect(try reason(deb.bytes).contains("there is no control file"))
        deb.control = "\n\n"
        #expect(try reason(deb.bytes).contains("there is no control file"))
    }

    @Test func membersMustStandInOrder() throws {
        let deb = SampleDeb()
        let version = ("debian-binary", Array("2.0\n".utf8))
        #expect(try reason(ArchiveBuilder.ar([version])).contains("control.tar is missing"))
        let swapped = ArchiveBuilder.ar([version, ("data.tar.xz", deb.dataArchive)])
        #expect(try reason(swapped).contains("data.tar.xz stands where control.tar should be"))
        let headless = ArchiveBuilder.ar([version, ("control.tar.xz", deb.controlArchive)])
        #expect(try reason(headless).contains("data.tar is missing"))
        let two = ArchiveBuilder.ar([
            version, ("control.tar.xz", deb.controlArchive), ("control.tar.xz", deb.controlArchive),
        ])
        #expect(try reason(two).contains("stands where data.tar should be"))
    }

    @Test func membersThatBeginWithAnUnderscoreArePassedOver() throws {
        let deb = SampleDeb()
        let bytes = ArchiveBuilder.ar([
            ("debian-binary", Array("2.0\n".utf8)), ("_extra", [1, 2, 3]), ("control.tar.xz", deb.controlArchive),
            ("_more", []), ("data.tar.xz", deb.dataArchive),
        ])
        #expect(try reason(bytes).contains("no verified package index"))
    }

    @Test func aDamagedArchiveIsRejectedWithTheParsersWords() throws {
        let deb = SampleDeb()
        let bytes = ArchiveBuilder.ar([
            ("debian-binary", Array("2.0\n".utf8)), ("control.tar.xz", Array(deb.controlArchive.prefix(60))),
        ])
        #expect(try reason(bytes).contains("the package cannot be read: "))
    }

    // MARK: The copyright file

    @Test func anEmptyDescriptionIsNoFault() throws {
        var deb = SampleDeb()
        deb.control = deb.control?.replacing("Description: greets the world\n and goes on.", with: "Description:")
        let verdict = Sample.verdict(deb.bytes, engine: try Sample.engine())
        #expect(verdict.metadata.description.isEmpty)
        #expect(verdict.metadata.name == "hello-lib1")
    }

    @Test func aLinkInPlaceOfTheCopyrightFileMeansNoLicense() throws {
        var deb = SampleDeb()
        deb.copyrightLink = "../hello/copyright"
        let verdict = Sample.verdict(deb.bytes, engine: try Sample.engine())
        #expect(verdict.metadata.license.isEmpty)
        #expect(verdict.metadata.name == "hello-lib1")
    }

    @Test func aLargePayloadIsNotUnpackedToItsEnd() throws {
        var deb = SampleDeb()
        deb.extraData = [ArchiveBuilder.Member(name: "./big", bytes: [UInt8](repeating: 0, count: 3 << 20))]
        var limits = ExtractionLimits()
        limits.payloadBytes = 1 << 20
        let engine = try Sample.engine()
        let facts = engine.extract(MemoryBytes(deb.bytes), limits: limits)
        #expect(facts.isConclusive)
        #expect(facts.errors.isEmpty)
        #expect(facts.extractions["deb"]?["note"]?.text?.contains("no license was looked for") ?? false)
        let verdict = Sample.verdict(deb.bytes, engine: engine, limits: limits)
        #expect(verdict.metadata.name == "hello-lib1")
        #expect(verdict.metadata.license.isEmpty)
    }

    // MARK: Claims

    @Test func packagesOfAConfiguredRepositoryAreClaimed() throws {
        let verdict = try Sample.engine(Sample.trusting).inspectRequest(Sample.request(Self.url))
        #expect(verdict.isPending)
        #expect(verdict.delivery == .streamed)
        let expected: [String: JSONValue] = [
            "repository": "http://archive.example/debian", "component": "main", "name": "hello-lib1",
            "version": "1.0-2", "architecture": "amd64",
        ]
        #expect(verdict["deb"]?.annotations == expected)
    }

    @Test(arguments: [
        "http://archive.example/debian/pool/main/g/gcc/libstdc%2B%2b6_12.2.0-14%7edeb12u1_amd64.deb",
        "http://archive.example:80/debian/pool/main/g/gcc/libstdc++6_12.2.0-14~deb12u1_amd64.deb",
        "http://root.example/pool/main/h/hello/hello_1_all.deb",
        "http://archive.example/debian/pool/non-free-firmware/f/firmware.x/firmware_1.0_all.deb",
    ])
    func usualNamesAndPlacesAreClaimed(_ url: String) throws {
        #expect(try Sample.engine(Sample.trusting).inspectRequest(Sample.request(url)).isPending)
    }

    @Test(arguments: [
        "http://other.example/debian/pool/main/h/hello/hello_1_all.deb",
        "https://archive.example:443/debian/pool/main/h/hello/hello_1_all.deb",
        "http://archive.example/ubuntu/pool/main/h/hello/hello_1_all.deb",
        "http://archive.example/debian/pool/hello_1_all.deb",
        "http://archive.example/debian/pool/main/hello_1_all.deb",
        "http://archive.example/debian/pool/main//hello/hello_1_all.deb",
        "http://archive.example/debian/pool/main/h%2Fx/hello_1_all.deb",
        "http://archive.example/debian/pool/main/%2e%2e/x/hello_1_all.deb",
        "http://archive.example/debian/pool/main/h/hello/hello_1_2_all.deb",
        "http://archive.example/debian/pool/main/h/hello/hello_1_all.udeb",
        "http://archive.example/debian/pool/main/h/hello/hello%00_1_all.deb",
        "http://archive.example/debian/pool/main/h/hello/hello_1_all.deb/",
        "http://archive.example/debian/dists/main/h/hello/hello_1_all.deb",
        "http://evil.example/http://archive.example/debian/pool/main/h/hello/hello_1_all.deb",
        "http://archive.example@evil.example/debian/pool/main/h/hello/hello_1_all.deb",
    ])
    func otherURLsAreNot(_ url: String) throws {
        let verdict = try Sample.engine(Sample.trusting).inspectRequest(Sample.request(url))
        #expect(verdict.inspections.map(\.id) == ["default"])
    }

    @Test func theLongestPatternNamesTheEntry() throws {
        let json = """
            {"apt": {"repositories": {
              "a": {"urls": ["http://*.example/**"]}, "b": {"urls": ["http://archive.example/debian"]},
              "c": {"urls": ["http://*.example/debian"]}}}}
            """
        let configuration = try InspectorsConfiguration(json: Array(json.utf8))
        let url = try #require(InspectedURL(Self.url))
        let pool = try #require(PoolURL(url, repositories: configuration.apt?.repositories ?? [:]))
        #expect(pool.entry == "b")
    }
}
