import Core
import Cryptography
import Testing

@testable import Inspection

@Suite struct WheelInspectorTests {
    private func inspection(of wheel: SampleWheel) throws -> Inspection {
        let verdict = Sample.verdict(wheel.bytes, engine: try Sample.engine())
        return try #require(verdict["pip.wheel"])
    }

    @Test func aGoodWheelIsApprovedAndDescribed() throws {
        let wheel = SampleWheel()
        let verdict = Sample.verdict(wheel.bytes, engine: try Sample.engine())
        let inspection = try #require(verdict["pip.wheel"])
        #expect(inspection.opinion == .approved)
        #expect(inspection.annotations["metadata-version"] == "2.1")
        #expect(inspection.annotations["files"] == 5)
        #expect(inspection.annotations["parsed-record-entries"] == 5)
        #expect(verdict["default"] == nil)
        // Nobody claimed the request, so the artifact is rejected all the same.
        #expect(verdict.result == .rejected)
        let metadata = verdict.metadata
        #expect(metadata.type == "application/x.python.wheel")
        #expect(metadata.name == "demo-pkg")
        #expect(metadata.version == "1.2.3")
        #expect(metadata.description == "A demonstration")
        #expect(metadata.author == "Ada Example")
        #expect(metadata.authorEmail == "ada@people.example")
        #expect(metadata.vendor == "Ada Example")
        #expect(metadata.license == "MIT OR Apache-2.0")
        #expect(metadata.architecture == "amd64")
        #expect(metadata.sha256 == SHA256Hasher.digest(wheel.bytes).hex)
        #expect(metadata.size == Int64(wheel.bytes.count))
    }

    @Test func aWheelFromATrustedOriginIsApprovedInAStrictSession() throws {
        let url = "https://files.example:443/packages/demo_pkg-1.2.3-py3-none-any.whl"
        let engine = try Sample.engine(Sample.trusting)
        let verdict = Sample.verdict(SampleWheel().bytes, url: url, policy: .strict, engine: engine)
        #expect(verdict.result == .approved)
        #expect(verdict.inspections.map(\.id) == ["pip.wheel"])
    }

    @Test func aWheelUnderAnothersNameIsRejected() throws {
        let engine = try Sample.engine(Sample.trusting)
        for file in ["other-1.2.3-py3-none-any.whl", "demo_pkg-1.2.4-py3-none-any.whl"] {
            let url = "https://files.example:443/\(file)"
            let verdict = Sample.verdict(SampleWheel().bytes, url: url, policy: .strict, engine: engine)
            #expect(verdict.result == .rejected, "\(file)")
            #expect(verdict.refusalReason.contains("was requested"))
        }
        let alike = "https://files.example:443/Demo.Pkg-v1.2.3.0-1-py3-none-any.whl"
        #expect(Sample.verdict(SampleWheel().bytes, url: alike, policy: .strict, engine: engine).result == .approved)
    }

    @Test(arguments: ["Name", "Version", "Metadata-Version"])
    func metadataWithoutARequiredFieldIsRejected(_ field: String) throws {
        var wheel = SampleWheel()
        wheel.metadata = wheel.metadata?.replacing("\n\(field):", with: "\nX-\(field):").replacing(
            "Metadata-Version: 2.1", with: field == "Metadata-Version" ? "X: 1" : "Metadata-Version: 2.1")
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["faults"]?.texts == ["METADATA has no \(field)"])
    }

    @Test func aWheelWithoutMetadataIsRejected() throws {
        var wheel = SampleWheel()
        wheel.metadata = nil
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["faults"]?.texts == ["METADATA is missing"])
    }

    @Test func aWheelWithoutRecordIsRejected() throws {
        var wheel = SampleWheel()
        wheel.hasRecord = false
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["faults"]?.texts == ["RECORD is missing"])
    }

    /// Each fault of the contract's group "integrity": what is done to the first line of RECORD, and what is said.
    static let faults: [(edit: @Sendable (String) -> String, says: String)] = [
        ({ _ in "demo/__init__.py" }, "1 comma-separated parts"),
        ({ $0 + ",more" }, "4 comma-separated parts"),
        ({ $0.replacing(",15", with: ",16") }, "has 15 bytes, RECORD says 16"),
        ({ $0.replacing(",15", with: ",-15") }, "the size is not a number"),
        ({ $0.replacing(",15", with: ",1x") }, "the size is not a number"),
        ({ $0.replacing(",15", with: ",99999999999999999999") }, "the size is not a number"),
        ({ $0.replacing(",15", with: ",") }, "no size"),
        ({ $0.replacing("sha256=", with: "sha1=") }, "neither sha256 nor"),
        ({ $0.replacing("sha256=", with: "md5=") }, "neither sha256 nor"),
        ({ $0.replacing("sha256=", with: "") }, "neither sha256 nor"),
        ({ $0.replacing("sha256=", with: "sha256=!") }, "cannot be decoded"),
        ({ $0.replacing("sha256=", with: "sha256=AAAA") }, "cannot be decoded"),
        ({ $0.replacing(",15", with: "=,15") }, "cannot be decoded"),
        ({ _ in SampleWheel.line("demo/__init__.py", SampleWheel.sha256([1]), 15) }, "not have the digest"),
        ({ _ in "demo/__init__.py,,15" }, "no digest"),
        ({ "\"" + $0 }, "text follows a closing quote"),
        ({ "\"demo\"x" + $0 }, "text follows a closing quote"),
        ({ _ in ",,5" }, "names no file"),
        ({ $0 + "\n" + $0.replacing(",15", with: ",16") }, "two different lines"),
    ]

    @Test(arguments: WheelInspectorTests.faults.indices)
    func aFaultInRecordIsRejected(_ index: Int) throws {
        let fault = Self.faults[index]
        var wheel = SampleWheel()
        wheel.editRecord = { [fault.edit($0[0])] + $0.dropFirst() }
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        let faults = inspection.annotations["faults"]?.texts ?? []
        #expect(faults.count == 1 && faults[0].contains(fault.says), "\(faults)")
        #expect(inspection.annotations["extra-files"] == nil)
    }

    @Test func aQuoteThatIsNotClosedIsRejected() throws {
        var wheel = SampleWheel()
        wheel.editRecord = { $0 + ["\"demo"] }
        #expect(
            try inspection(of: wheel).annotations["faults"]?.texts.first?.contains("a quote is not closed") ?? false)
    }

    @Test func filesThatRecordListsAndTheArchiveLacksAreNamed() throws {
        var wheel = SampleWheel()
        wheel.editRecord = { $0 + [SampleWheel.line("gone.py", SampleWheel.sha256([]), 0)] }
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["missing-files"]?.texts == ["gone.py"])
        #expect(inspection.annotations["faults"] == nil)
    }

    @Test func filesThatRecordDoesNotListAreNamed() throws {
        var wheel = SampleWheel()
        wheel.editRecord = { Array($0.dropFirst()) }
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["extra-files"]?.texts == ["demo/__init__.py"])
    }

    @Test func manyExtraFilesAreCountedAndSomeNamed() throws {
        var wheel = SampleWheel()
        let kept = wheel.editRecord
        wheel.files += (0..<150).map { ArchiveBuilder.Member(name: "extra/\($0)", bytes: [1]) }
        wheel.editRecord = { lines in kept(lines.filter { !$0.hasPrefix("extra/") }) }
        let inspection = try inspection(of: wheel)
        #expect(inspection.annotations["extra-files"]?.texts.count == WheelExtraction.namesKept)
        #expect(inspection.annotations["extra-files-count"] == 150)
    }

    @Test(arguments: [LongSHA2Hasher.Variant.sha384, .sha512])
    func longerDigestsOfTheFamilyAreChecked(_ variant: LongSHA2Hasher.Variant) throws {
        var wheel = SampleWheel()
        let file = wheel.files[0]
        wheel.editRecord = {
            [SampleWheel.line(file.name, SampleWheel.long(variant, file.bytes), 15)] + $0.dropFirst()
        }
        #expect(try inspection(of: wheel).opinion == .approved)
        wheel.editRecord = { [SampleWheel.line(file.name, SampleWheel.long(variant, [7]), 15)] + $0.dropFirst() }
        let bad = try inspection(of: wheel)
        #expect(bad.opinion == .rejected)
        #expect(bad.annotations["faults"]?.texts.first?.contains("does not have the digest") ?? false)
    }

    @Test func signaturesOfRecordNeedNoEntry() throws {
        var wheel = SampleWheel()
        let names = ["RECORD.jws", "RECORD.p7s"].map { "\(wheel.directory)/\($0)" }
        wheel.files += names.map { ArchiveBuilder.Member(name: $0, bytes: [1]) }
        wheel.editRecord = { lines in lines.filter { line in !names.contains { line.hasPrefix($0) } } }
        #expect(try inspection(of: wheel).opinion == .approved)
    }

    @Test func carriageReturnsAndBlankLinesInRecordAreNoFault() throws {
        var wheel = SampleWheel()
        wheel.editRecord = { $0.map { $0 + "\r" } + ["\r", ""] }
        #expect(try inspection(of: wheel).opinion == .approved)
    }

    @Test(arguments: ["/etc/passwd", "../up.py", "a/../b"])
    func membersWithDangerousNamesAreRejected(_ name: String) throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: name, bytes: [1]))
        let inspection = try inspection(of: wheel)
        #expect(inspection.opinion == .rejected)
        #expect(inspection.annotations["faults"]?.texts.count == 1)
    }

    @Test func aBackslashDoesNotHideAFile() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "a\\b", bytes: [1]))
        #expect(try inspection(of: wheel).opinion == .rejected)
    }

    @Test func aMemberThatIsThereTwiceIsRejected() throws {
        var wheel = SampleWheel()
        wheel.files.append(wheel.files[0])
        wheel.editRecord = { Array(Set($0)) }
        let inspection = try inspection(of: wheel)
        #expect(inspection.annotations["faults"]?.texts == ["demo/__init__.py is in the archive twice"])
    }

    @Test func aLinkInAWheelIsRejected() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "link", target: "/etc/passwd"))
        #expect(try inspection(of: wheel).annotations["faults"]?.texts == ["link is not a plain file"])
    }

    @Test func twoDistInfoFoldersAreRejected() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "other-1.dist-info/WHEEL", bytes: [1]))
        #expect(try inspection(of: wheel).opinion == .rejected)
    }

    @Test func namesInOtherScriptsAreCompared() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "demo/Ünïcode-日本.txt", bytes: [1]))
        #expect(try inspection(of: wheel).opinion == .approved)
    }

    @Test func anArchiveThatIsNoWheelIsNobodys() throws {
        let zip = ArchiveBuilder.zip([ArchiveBuilder.Member(name: "sub/x.dist-info/WHEEL", bytes: [1])])
        let verdict = Sample.verdict(zip, engine: try Sample.engine())
        #expect(verdict.inspections.map(\.id) == ["default"])
        #expect(verdict.metadata.type == "application/zip")
    }

    // MARK: Claims

    static let byDigest =
        "/packages/ab/cd/" + String(repeating: "0123456789", count: 6) + "/demo-1.0%2Blocal-py3-none-any.whl"

    @Test func filesOfAnIndexAreRecognisedOnAnyHost() throws {
        let engine = try Sample.engine()
        let verdict = engine.inspectRequest(Sample.request("https://anything.example:443" + Self.byDigest))
        #expect(verdict["pip.wheel"]?.opinion == .unknown)
        #expect(!verdict.isPending)
    }

    @Test(arguments: [
        "/packages/ab/cd/" + String(repeating: "0", count: 59) + "/demo-1.0-py3-none-any.whl",
        "/packages/abcd" + String(repeating: "0", count: 60) + "/demo-1.0-py3-none-any.whl",
        "/garbage/packages/ab/cd/" + String(repeating: "0", count: 60) + "/demo-1.0-py3-none-any.whl",
        "/packages/AB/cd/" + String(repeating: "0", count: 60) + "/demo-1.0-py3-none-any.whl",
        "/packages/ab/cd/" + String(repeating: "0", count: 60) + "/demo-1.0.tar.gz",
        "/packages/ab/cd/" + String(repeating: "0", count: 60) + "/demo-1.0-py3-none-any.whl.metadata",
    ])
    func otherPathsAreNot(_ path: String) throws {
        let verdict = try Sample.engine().inspectRequest(Sample.request("https://anything.example:443" + path))
        #expect(verdict.inspections.map(\.id) == ["default"])
    }

    @Test func aTrustedOriginIsClaimedAndStreamedOnlyThroughAnIndex() throws {
        let engine = try Sample.engine(Sample.trusting)
        let indexed = engine.inspectRequest(Sample.request("https://files.example:443" + Self.byDigest))
        #expect(indexed.isPending)
        #expect(indexed.delivery == .streamed)
        #expect(indexed.bodyLimit == 4 << 30)
        #expect(indexed["pip.wheel"]?.annotations["version"] == "1.0+local")
        let direct = engine.inspectRequest(Sample.request("https://files.example:443/w/demo-1.0-py3-none-any.whl"))
        #expect(direct.isPending)
        #expect(direct.delivery == .held)
    }
}
