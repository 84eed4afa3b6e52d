import Core
import Cryptography
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite(.enabled(if: ClientProgram.areInstalled("curl"), "curl is not installed")) struct CurlTests {
        let service: LiveService
        let body = SampleBytes.noise(300_000)

        init() throws { service = try LiveService() }

        private func curl(_ arguments: [String]) throws -> LiveService.ClientRun {
            try service.run(["curl", "-sS", "--fail", "--max-time", "30"] + arguments)
        }

        private func origin(isTLS: Bool) throws -> FileOrigin {
            let root = service.folder.file("site")
            try Kernel.mkdir(root)
            try Kernel.replaceFile(root + "/file.bin", with: body)
            return try FileOrigin(root, isTLS: isTLS) { _ in [("Cache-Control", "max-age=1000")] }
        }

        @Test(arguments: [false, true], [[], ["--http1.0"], ["--http1.1"]])
        func downloadsAreWholeAndRecorded(isTLS: Bool, version: [String]) throws {
            let origin = try origin(isTLS: isTLS)
            let file = service.folder.file("got")
            let run = try curl(version + ["-o", file, origin.url("/file.bin")])
            #expect(run.status == 0, "\(run.errors)")
            #expect(try Kernel.contents(of: file) == body)
            let artifact = try #require(run.report.artifact(SHA256Hasher.digest(body)))
            #expect(artifact.metadata.size == 300_000)
            #expect(artifact.metadata.sha1 == SHA1Hasher.digest(body))
            #expect(artifact.downloads.map(\.url) == [origin.url("/file.bin")])
            #expect(artifact.downloads.first?.userAgent.hasPrefix("curl/") == true)
            #expect(run.report.recordComplete && run.report.hasGapFreeNumbers)
            #expect(run.errors.contains(artifact.metadata.sha256))
        }

        @Test func rangesOfWhatTheCacheHasAreServedAndRecorded() throws {
            let origin = try origin(isTLS: true)
            let file = service.folder.file("got")
            #expect(try curl(["-o", file, origin.url("/file.bin")]).status == 0)
            let run = try curl(["-r", "1000-1999", "-o", file, "-w", "%{http_code}", origin.url("/file.bin")])
            #expect(run.status == 0 && run.output == "206", "\(run.errors)")
            #expect(try Kernel.contents(of: file) == Array(body[1000..<2000]))
            let exchange = try #require(run.report.exchanges.first)
            #expect(exchange.statusCode == 206 && exchange.delivered == 1000)
            #expect(origin.askedPaths == ["/file.bin"])
        }

        @Test func aRangeOfWhatTheCacheHasNotIsRecordedWithWhatWasSent() throws {
            let origin = try origin(isTLS: false)
            let file = service.folder.file("got")
            let run = try curl(["-r", "0-99", "-o", file, "-w", "%{http_code}", origin.url("/file.bin")])
            let got = try Kernel.contents(of: file)
            #expect(run.output == "200" ? got == body : run.output == "206" && got == Array(body[..<100]))
            #expect(run.report.exchanges.map(\.delivered) == [Int64(got.count)])
        }

        @Test(.enabled(if: ClientProgram.areInstalled("gzip"), "gzip is not installed"))
        func codedContentIsRecordedDecoded() throws {
            let text = Array(String(repeating: "a line that packs well\n", count: 5000).utf8)
            let plain = service.folder.file("plain")
            try Kernel.replaceFile(plain, with: text)
            #expect(try ClientProgram.run(["gzip", "-k", plain], in: service.folder).status == 0)
            let packed = try Kernel.contents(of: plain + ".gz")
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while let request = try session.readRequest() {
                    let accepts = request.head.fields.list("Accept-Encoding").contains("gzip")
                    try session.respond(
                        fields: accepts
                            ? ["Content-Encoding": "gzip", "Vary": "Accept-Encoding"] : ["Vary": "Accept-Encoding"],
                        body: accepts ? packed : text)
                }
            }
            for arguments in [["--compressed"], []] {
                let file = service.folder.file("got")
                let run = try curl(arguments + ["-o", file, origin.url("/text")])
                #expect(run.status == 0, "\(run.errors)")
                #expect(try Kernel.contents(of: file) == text)
                #expect(run.report.digests(of: origin.url("/text")) == [SHA256Hasher.digest(text).hex])
            }
        }

        @Test(arguments: [["-T"], ["--data-binary"], ["-H", "Transfer-Encoding: chunked", "--data-binary"]])
        func uploadsReachTheOriginAndAreRecorded(how: [String]) throws {
            let upload = SampleBytes.noise(2_000_000)
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { request in
                (request.head.method == "GET" ? 405 : 200, Array("thanks\n".utf8))
            }
            try Kernel.replaceFile(service.folder.file("up"), with: upload)
            let file = how.last == "-T" ? service.folder.file("up") : "@" + service.folder.file("up")
            let run = try curl(how + [file, origin.url("/up")])
            #expect(run.status == 0 && run.output == "thanks\n", "\(run.errors)")
            #expect(origin.requests.map(\.body) == [upload])
            let sent = try #require(run.report.exchanges.first?.requestBody)
            #expect(sent.size == 2_000_000 && sent.sha256 == SHA256Hasher.digest(upload).hex)
        }

        @Test func anOriginNobodyVouchesForIsToldAndRecorded() throws {
            let stranger = try TestCertificates(commonName: "stranger")
            let origin = try ScriptedOrigin(tls: stranger.server()) { _ in (200, []) }
            let run = try service.run(["curl", "-sS", "-w", "%{http_code}", origin.url("/")])
            #expect(run.output.hasSuffix("502"), "\(run.output)")
            #expect(run.output.contains("certificate"), "\(run.output)")
            #expect(origin.requests.isEmpty)
            #expect(run.report.exchanges.count == 1 && run.report.hasGapFreeNumbers)
        }
    }

    @Suite(.enabled(if: ClientProgram.areInstalled("wget"), "wget is not installed")) struct WgetTests {
        @Test(arguments: [false, true]) func bodiesThatEndWithTheConnectionArriveWhole(isTLS: Bool) throws {
            let service = try LiveService()
            let body = SampleBytes.noise(200_000)
            let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
                guard try session.readRequest() != nil else { return }
                try session.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                try session.send(body)
            }
            let file = service.folder.file("got")
            let run = try service.run(["wget", "-nv", "--tries=1", "-O", file, origin.url("/f")])
            #expect(run.status == 0, "\(run.errors)")
            #expect(try Kernel.contents(of: file) == body)
            #expect(run.report.digests(of: origin.url("/f")) == [SHA256Hasher.digest(body).hex])
        }

        @Test func aBodyThatTheOriginCutsIsNoSuccess() throws {
            let service = try LiveService()
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                guard try session.readRequest() != nil else { return }
                try session.send("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
                try session.send(SampleBytes.noise(120_000))
                session.reset()
            }
            let file = service.folder.file("got")
            let run = try service.run(["wget", "-nv", "--tries=1", "-O", file, origin.url("/f")])
            #expect(run.status != 0)
            #expect(run.report.artifacts.isEmpty)
            #expect(run.report.failedTransfers.count == 1)
        }
    }
}
