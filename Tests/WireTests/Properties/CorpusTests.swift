import Foundation
import Testing

/// Replays what the fuzz targets found: `Tests/Fuzzing/corpora` has one folder for each property.
@Suite struct CorpusTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzzing")

    private static func files(_ folder: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: root.appending(path: folder), includingPropertiesForKeys: nil
        ).sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    @Test(arguments: WireProperty.allCases)
    func `what fuzzing found holds, also cut short and with a byte changed`(property: WireProperty) throws {
        let files = try Self.files("corpora/\(property.rawValue)")
        #expect(!files.isEmpty)
        for file in files {
            let bytes = try [UInt8](Data(contentsOf: file))
            #expect(property.violation(bytes) == nil, "\(file.lastPathComponent)")
            for cut in cuts(bytes) {
                #expect(property.violation(Array(bytes[..<cut])) == nil, "\(file.lastPathComponent), cut at \(cut)")
                guard cut < bytes.count else { continue }
                var changed = bytes
                changed[cut] ^= 0x10
                #expect(property.violation(changed) == nil, "\(file.lastPathComponent), changed at \(cut)")
            }
        }
    }

    @Test func `every property has a target and a corpus of bounded size`() throws {
        let targets = try Self.files("Targets").map { $0.deletingPathExtension().lastPathComponent }
        #expect(Set(targets) == Set(WireProperty.allCases.map(\.rawValue)))
        let corpora = try Self.files("corpora").map(\.lastPathComponent)
        #expect(Set(corpora) == Set(WireProperty.allCases.map(\.rawValue)))
        let sizes = try corpora.flatMap { try Self.files("corpora/\($0)") }
            .map { try Data(contentsOf: $0).count }
        #expect(sizes.count <= 200 && sizes.allSatisfy { $0 < WireProperty.longestInput })
    }

    @Test func `a property that does not hold is told`() {
        #expect(throws: Violation.self) { try hold(false, "no") }

        #expect(WireProperty.requestHead.violation(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) == nil)
    }
}
