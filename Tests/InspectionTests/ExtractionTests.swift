import Core
import Cryptography
import Glibc
import Testing

@testable import Inspection

@Suite struct ExtractionTests {
    private func facts(_ bytes: [UInt8], _ change: (inout ExtractionLimits) -> Void = { _ in }) throws -> BlobFacts {
        var limits = ExtractionLimits()
        change(&limits)
        return try Sample.engine().extract(MemoryBytes(bytes), limits: limits)
    }

    @Test func factsRoundTrip() throws {
        for bytes in [SampleWheel().bytes, SampleDeb().bytes, Array("text".utf8), []] {
            let facts = try facts(bytes)
            #expect(BlobFacts(json: facts.json) == facts)
        }
        for version in [1, 99] {
            #expect(BlobFacts(json: Array("{\"version\":\(version),\"type\":\"a\",\"sha1\":\"\"}".utf8)) == nil)
        }
        #expect(BlobFacts(json: Array("{\"version\":\(BlobFacts.currentVersion),\"type\":\"a\"}".utf8)) != nil)
        #expect(BlobFacts(json: []) == nil)
    }

    @Test func aNameThatCannotBeConvertedDoesNotEndTheProcessWhateverErrnoSays() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "QQQQQQQQ", bytes: [1, 2, 3]))
        var bytes = wheel.bytes
        for start in bytes.indices.dropLast(8) where bytes[start..<start + 8].allSatisfy({ $0 == UInt8(ascii: "Q") }) {
            bytes.replaceSubrange(start..<start + 8, with: [0xff, 0xfe, 0xc0, 0x80, 0xff, 0xfe, 0xc0, 0x80])
        }
        try #require(bytes != wheel.bytes)
        errno = ENOMEM
        let facts = try Sample.engine().extract(ForgetfulBytes(bytes: bytes))
        #expect(facts.detectedType == "application/zip")
        #expect(facts.isConclusive)
    }

    @Test func onlyWhatTellsSomethingIsReadOfALargeBody() throws {
        let engine = try Sample.engine()
        var random = SeededGenerator(seed: 1)
        let opaque = (0..<10 << 20).map { _ in UInt8.random(in: 0...255, using: &random) }
        let counter = CountedBytes(opaque)
        let facts = engine.extract(counter)
        #expect(facts.isConclusive)
        #expect(facts.detectedType == "application/octet-stream")
        #expect(counter.read <= 64 << 10)
        // Of an archive its start and its directory, not the ten megabytes between.
        let member = ArchiveBuilder.Member(name: "opaque.bin", bytes: opaque)
        let archive = CountedBytes(ArchiveBuilder.zip([member], stored: true))
        #expect(engine.extract(archive).detectedType == "application/zip")
        #expect(archive.read < archive.size / 4, "\(archive.read) of \(archive.size)")
    }

    @Test func aZipBombIsLeftAtItsRatio() throws {
        var wheel = SampleWheel()
        wheel.files.append(ArchiveBuilder.Member(name: "bomb", bytes: [UInt8](repeating: 0, count: 8 << 20)))
        let facts = try facts(wheel.bytes) {
            $0.freeBytes = 1 << 20
            $0.ratio = 100
        }
        #expect(facts.errors["pip.wheel"]?.contains("unfolds to more than") ?? false)
        #expect(facts.isConclusive)
        let verdict = try Sample.engine().judge(
            ArtifactUse(
                digest: SHA256Hasher.digest([]), size: 0, url: "https://a.example:443/", request: RequestVerdict(),
                policy: .permissive), facts: facts)
        #expect(verdict["pip.wheel"]?.opinion == .rejected)
        #expect(verdict["pip.wheel"]?.annotations["error-message"] != nil)
    }

    @Test func theTotalIsLimited() throws {
        let facts = try facts(SampleWheel().bytes) { $0.decompressedBytes = 100 }
        #expect(facts.errors["pip.wheel"] == "the archive unfolds to more than 100 bytes")
    }

    @Test func aControlArchiveThatIsABombIsLeft() throws {
        var deb = SampleDeb()
        deb.control = (deb.control ?? "") + "\nX: " + String(repeating: "a", count: 900_000)
        let facts = try facts(deb.bytes) {
            $0.freeBytes = 100_000
            $0.ratio = 1
        }
        #expect(facts.errors["deb"]?.contains("unfolds to more than") ?? false)
    }

    @Test func theNumberOfMembersIsLimited() throws {
        let facts = try facts(SampleWheel().bytes) { $0.members = 3 }
        #expect(facts.errors["pip.wheel"] == "the archive has more than 3 members")
    }

    @Test func theLengthOfNamesIsLimited() throws {
        let facts = try facts(SampleWheel().bytes) { $0.nameLength = 10 }
        #expect(facts.errors["pip.wheel"] == "a member's name is longer than 10 bytes")
    }

    @Test func theDirectoryOfAZipArchiveIsLimited() throws {
        let facts = try facts(SampleWheel().bytes) { $0.directoryBytes = 100 }
        #expect(facts.detectedType == "application/zip")
        #expect(facts.errors["pip.wheel"] == "the archive's directory is longer than 100 bytes")
    }

    @Test func timeIsLimitedAndRunningOutIsNotConclusive() throws {
        for bytes in [SampleWheel().bytes, SampleDeb().bytes] {
            // The clock steps at every reading, so time runs out in the middle of each phase in turn.
            for steps in stride(from: 1, through: 60, by: 4) {
                var reading: UInt64 = 0
                var extraction = Extraction(
                    inspectors: [WheelInspector(trusted: []), DebInspector(repositories: [:])],
                    limits: ExtractionLimits())
                extraction.now = {
                    reading += 60_000_000_000 / UInt64(steps)
                    return MonotonicTime(nanoseconds: reading)
                }
                let facts = extraction.run(MemoryBytes(bytes))
                #expect(facts.errors.isEmpty || !facts.isConclusive)
                if steps == 1 { #expect(facts.errors.values.contains { $0.contains("took longer than") }) }
            }
        }
    }

    @Test func bytesThatCannotBeReadAreNotConclusive() throws {
        let engine = try Sample.engine()
        for bytes in [SampleWheel().bytes, SampleDeb().bytes] {
            for offset in [Int64(0), 100, Int64(bytes.count) - 1] {
                let facts = engine.extract(MemoryBytes(bytes, failsFrom: offset))
                #expect(!facts.isConclusive)
                #expect(facts.errors.values.allSatisfy { $0.contains("could not be read") })
                #expect(Set(facts.errors.keys) == ["pip.wheel", "deb"])
            }
        }
    }

    // MARK: Garbage

    @Test(arguments: [SampleWheel().bytes, SampleDeb().bytes])
    func truncatedFilesNeverCrashAndAreNeverApproved(_ bytes: [UInt8]) throws {
        let engine = try Sample.engine()
        for length in stride(from: 0, to: bytes.count, by: 97) {
            let verdict = Sample.verdict(Array(bytes[..<length]), engine: engine)
            #expect(!verdict.inspections.contains { $0.inspection.opinion == .approved })
            #expect(verdict.internalError == nil)
        }
    }

    @Test(arguments: [SampleWheel().bytes, SampleDeb().bytes])
    func changedFilesNeverCrash(_ bytes: [UInt8]) throws {
        let engine = try Sample.engine()
        for seed in 1...400 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var changed = bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: changed[index] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.remove(at: index)
                default: changed.insert(contentsOf: changed[index...].prefix(40), at: index)
                }
            }
            let verdict = Sample.verdict(changed, engine: engine)
            #expect(verdict.result == .rejected, "seed \(seed)")
        }
    }

    @Test func noiseBehindEveryMagicNeverCrashes() throws {
        let engine = try Sample.engine()
        let starts: [[UInt8]] = [
            [0x50, 0x4b, 0x03, 0x04], Array("!<arch>\ndebian-binary   ".utf8), [0x1f, 0x8b, 0x08],
            [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], Array("hsqs".utf8), [],
        ]
        for (index, start) in starts.enumerated() {
            for seed in 1...50 as ClosedRange<UInt64> {
                var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(index))
                let noise = (0..<Int.random(in: 0...3000, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                #expect(Sample.verdict(start + noise, engine: engine).result == .rejected, "seed \(seed)")
            }
        }
    }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Bytes that count how many of them are read.
private final class CountedBytes: BlobBytes {
    let bytes: [UInt8]
    private(set) var read = 0
    var size: Int64 { Int64(bytes.count) }

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try MemoryBytes(bytes).read(at: offset, into: buffer)
        read += count
        return count
    }
}

/// Bytes whose every reading leaves `ENOMEM` behind, as a failed allocation does.
private struct ForgetfulBytes: BlobBytes {
    let bytes: [UInt8]
    var size: Int64 { Int64(bytes.count) }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        defer { errno = ENOMEM }
        let piece = bytes.dropFirst(Int(offset)).prefix(buffer.count)
        buffer.copyBytes(from: piece)
        return piece.count
    }
}
