import Core
import Cryptography
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite(.enabled(if: ClientProgram.areInstalled("git"), "git is not installed")) struct GitTests {
        let service: LiveService
        let folder: TemporaryFolder

        init() throws {
            service = try LiveService()
            folder = service.folder
        }

        private func git(_ arguments: [String], in name: String = "") throws -> String {
            let own = ["-c", "user.name=Test", "-c", "user.email=test@host.example", "-c", "init.defaultBranch=main"]
            let result = try ClientProgram.run(
                ["git"] + own + arguments, in: folder, workingFolder: folder.file(name))
            try #require(result.status == 0, "git \(arguments): \(result.errors)")
            return String(result.output.prefix { $0 != "\n" })
        }

        /// Makes a bare repository with some history.
        ///
        /// - Returns: The commit that a clone shall have.
        private func makeRepository() throws -> String {
            try Kernel.mkdir(folder.file("work"))
            try Kernel.mkdir(folder.file("served"))
            _ = try git(["init", "-q"], in: "work")
            for round in 0..<3 {
                try Kernel.replaceFile(
                    folder.file("work/data"), with: SampleBytes.noise(90_000, seed: UInt64(round + 1)))
                try folder.write("round \(round)\n", to: "work/text")
                _ = try git(["add", "."], in: "work")
                _ = try git(["commit", "-q", "-m", "Round \(round)"], in: "work")
            }
            _ = try git(["clone", "-q", "--bare", folder.file("work"), folder.file("served/repo.git")])
            _ = try git(["update-server-info"], in: "served/repo.git")
            return try git(["rev-parse", "HEAD"], in: "work")
        }

        private func expectClone(_ url: String, _ commit: String, to name: String) throws -> LiveService.ClientRun {
            let run = try service.run(["git", "clone", "-q", url, folder.file(name)])
            #expect(run.status == 0, "\(run.errors)")
            #expect(try git(["rev-parse", "HEAD"], in: name) == commit)
            #expect(try git(["status", "--porcelain"], in: name).isEmpty)
            #expect(run.report.recordComplete && run.report.hasGapFreeNumbers)
            return run
        }

        @Test func aRepositoryOfPlainFilesIsClonedAndEachFileRecorded() throws {
            let commit = try makeRepository()
            let origin = try FileOrigin(folder.file("served"))
            let run = try expectClone(origin.url("/repo.git"), commit, to: "clone")
            let asked = Set(origin.askedPaths)
            let recorded = Set(run.report.exchanges.map { $0.url.dropFirst(origin.url("").count).prefix { $0 != "?" } })
            #expect(asked.isSubset(of: Set(recorded.map(String.init))))
            for artifact in run.report.artifacts {
                for download in artifact.downloads where !download.url.contains("info/refs") {
                    let path = folder.file("served") + download.url.dropFirst(origin.url("").count)
                    #expect(try SHA256Hasher.digest(Kernel.contents(of: path)).hex == artifact.metadata.sha256)
                }
            }
        }

        @Test func aRepositoryBehindGitsOwnServerIsCloned() throws {
            let commit = try makeRepository()
            let origin = try GitServer(folder, root: folder.file("served"))
            let run = try expectClone(origin.server.url("/repo.git"), commit, to: "clone")
            let pack = run.report.exchanges.filter { $0.method == "POST" && $0.url.hasSuffix("/git-upload-pack") }
            #expect(!pack.isEmpty)
            #expect(pack.allSatisfy { $0.statusCode == 200 && ($0.requestBody?.size ?? 0) > 0 && !$0.sha256.isEmpty })
            // What is asked by POST is never answered from the cache.
            _ = try expectClone(origin.server.url("/repo.git"), commit, to: "again")
            #expect(origin.server.requests.filter { $0.head.method == "POST" }.count == 2 * pack.count)
        }
    }
}

/// git's own server program behind a small origin.
final class GitServer: Sendable {
    let server: ScriptedOrigin

    init(_ folder: TemporaryFolder, root: String) throws {
        server = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
            var count = 0
            while let request = try session.readRequest() {
                count += 1
                try session.send(Self.answer(request, folder, root, mark: "\(session.index)-\(count)"))
            }
        }
    }

    /// Runs the program as a web server would (CGI, RFC 3875), and makes an answer of its output.
    private static func answer(
        _ request: SeenRequest, _ folder: TemporaryFolder, _ root: String, mark: String
    ) throws -> [UInt8] {
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        let input = "body-\(mark)"
        try Kernel.replaceFile(folder.file(input), with: request.body)
        let fields = request.head.fields
        let output = folder.file("answer-\(mark)")
        let result = try ClientProgram.run(
            ["sh", "-c", "exec git -c safe.directory='*' http-backend > \(output)"], in: folder,
            environment: [
                "GIT_PROJECT_ROOT": root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": parts[0],
                "QUERY_STRING": parts.count > 1 ? parts[1] : "", "REQUEST_METHOD": request.head.method,
                "CONTENT_TYPE": fields.first("Content-Type") ?? "", "CONTENT_LENGTH": "\(request.body.count)",
                "HTTP_CONTENT_ENCODING": fields.first("Content-Encoding") ?? "",
                "GIT_PROTOCOL": fields.first("Git-Protocol") ?? "",
            ], input: folder.file(input))
        let bytes = try Kernel.contents(of: output, limit: 1 << 26)
        let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) }
        guard result.status == 0, let end else { throw ClientProgram.Failure(text: result.errors) }
        var lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n").map(String.init)
        let status = lines.first { $0.hasPrefix("Status: ") }?.dropFirst(8) ?? "200 OK"
        lines.removeAll { $0.hasPrefix("Status: ") }
        let body = bytes[(end + 4)...]
        let head = ["HTTP/1.1 \(status)"] + lines + ["Content-Length: \(body.count)", "", ""]
        return Array(head.joined(separator: "\r\n").utf8) + body
    }
}
