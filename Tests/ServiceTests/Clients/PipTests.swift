import Core
import Cryptography
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite(.enabled(if: ClientProgram.pythonHas("pip"), "pip is not installed")) struct PipTests {
        let service: LiveService

        init() throws { service = try LiveService() }

        /// Makes wheels of which each needs another, and an index of them; prints a digest and a name per wheel.
        private static let indexMaker = """
            import base64, hashlib, json, os, random, sys, zipfile
            root, form = sys.argv[1:]
            packages = {"alpha": ["beta", "gamma"], "beta": ["delta"], "gamma": ["delta>=1"], "delta": []}
            os.makedirs(root + "/files")
            random.seed(7)
            for name, needs in packages.items():
                file = f"{name}-1.0-py3-none-any.whl"
                info = f"{name}-1.0.dist-info"
                members = {
                    f"{name}/__init__.py": b"",
                    f"{name}/data.bin": random.randbytes(200_000 if name == "delta" else 2_000),
                    f"{info}/METADATA": "".join(
                        [f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\nSummary: The {name} sample\\n"]
                        + [f"Requires-Dist: {need}\\n" for need in needs]).encode(),
                    f"{info}/WHEEL": b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
                }
                def line(path):
                    digest = base64.urlsafe_b64encode(hashlib.sha256(members[path]).digest()).rstrip(b"=").decode()
                    return f"{path},sha256={digest},{len(members[path])}\\n"
                record = "".join(map(line, members)) + f"{info}/RECORD,,\\n"
                with zipfile.ZipFile(f"{root}/files/{file}", "w", zipfile.ZIP_DEFLATED) as wheel:
                    for path, content in (members | {f"{info}/RECORD": record}).items():
                        wheel.writestr(path, content)
                digest = hashlib.sha256(open(f"{root}/files/{file}", "rb").read()).hexdigest()
                print(digest, file)
                os.makedirs(f"{root}/simple/{name}")
                with open(f"{root}/simple/{name}/index.html", "w") as page:
                    if form == "json":
                        entry = {"filename": file, "url": f"../../files/{file}", "hashes": {"sha256": digest}}
                        json.dump({"meta": {"api-version": "1.0"}, "name": name, "files": [entry]}, page)
                    else:
                        page.write(f'<!DOCTYPE html><html><body><a href="../../files/{file}#sha256={digest}">')
                        page.write(f"{file}</a></body></html>")
            """

        private func makeIndex(_ form: String) throws -> (origin: FileOrigin, digests: [String: String]) {
            let root = service.folder.file("index")
            try service.folder.write(Self.indexMaker, to: "make.py")
            let made = try ClientProgram.run(
                ["python3", service.folder.file("make.py"), root, form], in: service.folder)
            try #require(made.status == 0, "\(made.errors)")
            let lines = made.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            let type = form == "json" ? "application/vnd.pypi.simple.v1+json" : "text/html"
            let origin = try FileOrigin(root) { path in
                path.hasPrefix("/simple/")
                    ? [("Content-Type", type), ("Cache-Control", "max-age=0")]
                    : [("Content-Type", "application/octet-stream"), ("Cache-Control", "max-age=31536000, immutable")]
            }
            return (origin, Dictionary(uniqueKeysWithValues: lines.map { ($0[1], $0[0]) }))
        }

        private func download(_ origin: FileOrigin, to name: String) throws -> LiveService.ClientRun {
            try service.run([
                "python3", "-m", "pip", "download", "--no-cache-dir", "--only-binary", ":all:", "--index-url",
                origin.url("/simple/"), "--dest", service.folder.file(name), "alpha",
            ])
        }

        /// Each wheel is on the disk as the index says, and in table and report under that digest.
        private func expectWheels(_ digests: [String: String], _ run: LiveService.ClientRun, in name: String) throws {
            #expect(run.status == 0, "\(run.output) \(run.errors)")
            for (file, digest) in digests {
                let bytes = try Kernel.contents(of: service.folder.file("\(name)/\(file)"))
                #expect(SHA256Hasher.digest(bytes).hex == digest)
                let metadata = try #require(run.report.artifacts.first { $0.metadata.sha256 == digest }?.metadata)
                #expect(metadata.name == file.split(separator: "-").first.map(String.init))
                #expect(metadata.version == "1.0" && metadata.size == Int64(bytes.count))
                let row = run.errors.split(separator: "\n").first { $0.contains(digest) }
                #expect(row?.hasPrefix(metadata.name) == true, "\(run.errors)")
            }
            #expect(run.report.recordComplete && run.report.hasGapFreeNumbers)
        }

        @Test(arguments: ["html", "json"]) func wheelsAreRecordedAsPipVerifiedThemAndCached(form: String) throws {
            let (origin, digests) = try makeIndex(form)
            let first = try download(origin, to: "first")
            try expectWheels(digests, first, in: "first")
            let asked = origin.askedPaths
            #expect(asked.filter { $0.hasSuffix(".whl") }.count == 4)
            let second = try download(origin, to: "second")
            try expectWheels(digests, second, in: "second")
            let further = origin.server.requests.dropFirst(asked.count)
            #expect(further.count == 4)
            for request in further {
                #expect(request.target.hasPrefix("/simple/"))
                #expect(request.head.fields.contains("If-None-Match"), "the index is revalidated")
            }
            let wheels = second.report.artifacts.filter { digests.values.contains($0.metadata.sha256) }
            #expect(wheels.flatMap(\.downloads).allSatisfy { $0.source == "cache" })
        }

        @Test func aWheelThatIsNotWhatTheIndexSaysIsRefusedByPipAndStillRecorded() throws {
            let (origin, digests) = try makeIndex("html")
            let tampered = "delta-1.0-py3-none-any.whl"
            var bytes = try Kernel.contents(of: origin.root + "/files/" + tampered)
            bytes[bytes.count / 2] ^= 1
            try Kernel.replaceFile(origin.root + "/files/" + tampered, with: bytes)
            let run = try download(origin, to: "first")
            #expect(run.status != 0)
            let recorded = run.report.digests(of: origin.url("/files/" + tampered))
            #expect(recorded == [SHA256Hasher.digest(bytes).hex])
            #expect(digests[tampered].map(recorded.contains) == false)
        }
    }
}
