import Core
import Cryptography
import Platform
import Sessions
import SessionsTesting
import Storage
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct ArtifactTests {
    private static let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    /// A session that has downloaded ``content``, which the cache has.
    private static func run(
        _ content: [UInt8] = content,
        _ body: (ControlBench, _ path: String, _ digest: SHA256Digest, SessionID) async throws -> Void
    ) async throws {
        try await ControlBench.run { (bench) async throws in
            let id = try #require(SessionID(try await bench.open().id))
            let digest = SHA256Hasher.digest(content)
            let row = ExchangeRow(
                session: id, category: .artifact, digest: digest, size: Int64(content.count), result: .approved,
                download: Array("{}".utf8))
            try await bench.recorder.commit([.exchange(row)])
            bench.artifacts.withLock { $0[digest] = content }
            try await body(bench, "/session/\(id)/artifacts/\(digest)", digest, id)
        }
    }

    private static func get(
        _ bench: ControlBench, _ path: String, range: String? = nil, method: String = "GET"
    ) async throws -> Reply {
        let fields = range.map { [("Range", $0)] } ?? []
        return try await bench.probe.send(method, path, [ControlBench.administrator] + fields)
    }

    @Test func theWholeComesAsAFileToSave() async throws {
        try await Self.run { (bench, path, digest, _) async throws in
            let reply = try await Self.get(bench, path)
            #expect(reply.status == 200 && reply.body == Self.content)
            #expect(reply.fields.first("Content-Length") == "1000000")
            #expect(reply.fields.first("Content-Type") == "application/octet-stream")
            #expect(reply.fields.first("Content-Disposition") == "attachment; filename=\"\(digest).data\"")
            #expect(reply.fields.first("X-Content-Type-Options") == "nosniff")
            #expect(reply.fields.first("Content-Security-Policy") == "sandbox")
            #expect(reply.fields.first("Repr-Digest") == "sha-256=:\(Base64.encode(digest.bytes)):")
            #expect(reply.fields.first("Accept-Ranges") == "bytes")
            #expect(reply.fields.first("Cache-Control") == "no-store")
            let head = try await Self.get(bench, path, range: "bytes=0-1", method: "HEAD")
            #expect(head.status == 200 && head.body.isEmpty && head.fields.first("Content-Length") == "1000000")
        }
    }

    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=10-99", 10..<100), ("bytes=999999-", 999_999..<1_000_000),
        ("bytes=-5", 999_995..<1_000_000), ("bytes=0-99999999999999999999", 0..<1_000_000),
        ("BYTES=300000-600000", 300_000..<600_001),
    ])
    func oneRangeComesAsItself(range: String, part: Range<Int>) async throws {
        try await Self.run { (bench, path, _, _) async throws in
            let reply = try await Self.get(bench, path, range: range)
            #expect(reply.status == 206 && reply.body == Array(Self.content[part]))
            #expect(reply.fields.first("Content-Range") == "bytes \(part.lowerBound)-\(part.upperBound - 1)/1000000")
            #expect(reply.fields.first("Content-Length") == "\(part.count)")
        }
    }

    @Test(arguments: ["bytes=0-1,4-5", "bytes=5-1", "lines=1-2", "nonsense"])
    func whatIsNoSingleRangeGetsTheWhole(range: String) async throws {
        try await Self.run { (bench, path, _, _) async throws in
            let reply = try await Self.get(bench, path, range: range)
            #expect(reply.status == 200 && reply.body.count == 1_000_000)
        }
    }

    @Test func aRangeBehindTheEndIs416() async throws {
        try await Self.run { (bench, path, _, _) async throws in
            let reply = try await Self.get(bench, path, range: "bytes=1000000-")
            #expect(reply.status == 416 && reply.fields.first("Content-Range") == "bytes */1000000")
            #expect(reply.text == "the artifact has 1000000 bytes")
        }
    }

    @Test func whatTheSessionHasNotRecordedIs404() async throws {
        try await Self.run { (bench, path, digest, id) async throws in
            let other = SHA256Hasher.digest([1])
            bench.artifacts.withLock { $0[other] = [1] }
            #expect(try await Self.get(bench, "/session/\(id)/artifacts/\(other)").status == 404)
            let (second, _) = try await bench.open()
            #expect(try await Self.get(bench, "/session/\(second)/artifacts/\(digest)").status == 404)
            for wrong in [
                "x", String(digest.hex.dropLast()), digest.hex + "0", "..%2f..", String(repeating: "g", count: 64),
            ] {
                #expect(try await Self.get(bench, "/session/\(id)/artifacts/\(wrong)").status == 404, "\(wrong)")
            }
            #expect(try await Self.get(bench, "/session/unknown/artifacts/\(digest)").status == 404)
            _ = try await bench.asAdmin("DELETE", "/session/\(id)")
            #expect(try await Self.get(bench, path).status == 404)
        }
    }

    @Test func whatWasEvictedIs410() async throws {
        try await Self.run { (bench, path, digest, _) async throws in
            bench.artifacts.withLock { $0[digest] = nil }
            let reply = try await Self.get(bench, path)
            #expect(reply.status == 410 && reply.text.contains("not in the cache any more"))
        }
    }

    @Test func anEmptyArtifactNeedsNoStore() async throws {
        try await Self.run([]) { (bench, path, digest, _) async throws in
            bench.artifacts.withLock { $0[digest] = nil }
            let reply = try await Self.get(bench, path)
            #expect(reply.status == 200 && reply.body.isEmpty && reply.fields.first("Content-Length") == "0")
        }
    }

    @Test func itNeedsCredentials() async throws {
        try await Self.run { (bench, path, _, _) async throws in
            #expect(try await bench.probe.send("GET", path).status == 401)
        }
    }
}
