import Core
import Cryptography
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite(.enabled(if: ClientProgram.areInstalled("python3"), "python3 is not installed")) struct PythonTests {
        let service: LiveService
        let origin: FileOrigin
        let body = SampleBytes.noise(150_000)

        init() throws {
            service = try LiveService()
            try Kernel.mkdir(service.folder.file("site"))
            try Kernel.replaceFile(service.folder.file("site/data"), with: body)
            origin = try FileOrigin(service.folder.file("site"))
        }

        private func python(_ script: String) throws -> LiveService.ClientRun {
            try service.folder.write(script, to: "client.py")
            return try service.run(["python3", service.folder.file("client.py"), origin.url("/data")])
        }

        private func expectDownload(_ run: LiveService.ClientRun, times: Int) {
            let digest = SHA256Hasher.digest(body)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output == digest.hex + "\n")
            #expect(run.report.artifact(digest)?.downloads.count == times)
            #expect(run.report.hasGapFreeNumbers)
        }

        @Test func urllibDownloads() throws {
            let script = """
                import hashlib, sys, urllib.request
                print(hashlib.sha256(urllib.request.urlopen(sys.argv[1], timeout=30).read()).hexdigest())
                """
            expectDownload(try python(script), times: 1)
        }

        @Test(.enabled(if: ClientProgram.pythonHas("requests"), "Python's requests is not installed"))
        func requestsDownloadsTwiceThroughOneTunnel() throws {
            let script = """
                import hashlib, requests, sys
                with requests.Session() as session:
                    bodies = [session.get(sys.argv[1], timeout=30).content for _ in range(2)]
                    assert bodies[0] == bodies[1]
                    assert session.get(sys.argv[1] + "/absent", timeout=30).status_code == 404
                print(hashlib.sha256(bodies[0]).hexdigest())
                """
            let run = try python(script)
            expectDownload(run, times: 2)
            #expect(run.report.responses.map(\.statusCode) == [404])
        }
    }
}
