import Core
import Cryptography
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    /// Clients of language registries that are made of files.
    @Suite struct RegistryTests {
        let service: LiveService
        let folder: TemporaryFolder

        init() throws {
            service = try LiveService()
            folder = service.folder
            try Kernel.mkdir(folder.file("registry"))
        }

        private func prepare(_ words: [String], in name: String) throws -> String {
            let result = try ClientProgram.run(words, in: folder, workingFolder: folder.file(name))
            try #require(result.status == 0, "\(words): \(result.errors)")
            return result.output
        }

        /// Serves indexes that are stale at once and files that never are.
        private func serve() throws -> FileOrigin {
            try FileOrigin(folder.file("registry")) { path in
                path.hasPrefix("/files/")
                    ? [("Cache-Control", "max-age=31536000")]
                    : [("Cache-Control", "max-age=0"), ("Vary", "Accept, Accept-Encoding")]
            }
        }

        /// The file was recorded under its digest, and the second run had it from the cache.
        private func expect(_ files: [String], _ runs: [LiveService.ClientRun], from origin: FileOrigin) throws {
            for file in files {
                let digest = SHA256Hasher.digest(try Kernel.contents(of: origin.root + file))
                for (run, source) in zip(runs, ["network", "cache"]) {
                    #expect(run.status == 0, "\(run.output) \(run.errors)")
                    #expect(run.report.artifact(digest)?.downloads.map(\.source) == [source])
                    #expect(run.report.recordComplete && run.report.hasGapFreeNumbers)
                }
                #expect(origin.askedPaths.filter { $0 == file }.count == 1)
            }
        }

        @Test(.enabled(if: ClientProgram.areInstalled("npm", "node"), "npm is not installed"))
        func npmInstallsWhatItVerified() throws {
            try Kernel.mkdir(folder.file("registry/files"))
            try Kernel.mkdir(folder.file("made"))
            var documents: [(name: String, manifest: String, integrity: String)] = []
            for (name, needs) in [("sample-one", #"{"sample-two":"^1.0.0"}"#), ("sample-two", "{}")] {
                try Kernel.mkdir(folder.file("made/\(name)"))
                let manifest = #""name":"\#(name)","version":"1.0.0","dependencies":\#(needs)"#
                try folder.write("{\(manifest)}", to: "made/\(name)/package.json")
                try folder.write("module.exports = '\(name)'\n", to: "made/\(name)/index.js")
                let packed = try prepare(["npm", "pack", "--json"], in: "made/\(name)")
                let list = try JSONValue(parsing: Array(packed.utf8))
                guard case .list(let entries) = list, let integrity = entries.first?["integrity"]?.text else {
                    Issue.record("npm pack gave \(packed)")
                    return
                }
                try Kernel.rename(
                    folder.file("made/\(name)/\(name)-1.0.0.tgz"),
                    to: folder.file("registry/files/\(name)-1.0.0.tgz"))
                documents.append((name, manifest, integrity))
            }
            let origin = try serve()
            for (name, manifest, integrity) in documents {
                let url = origin.url("/files/\(name)-1.0.0.tgz")
                let document = """
                    {"name":"\(name)","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{\(manifest),\
                    "dist":{"tarball":"\(url)","integrity":"\(integrity)"}}}}
                    """
                try folder.write(document, to: "registry/\(name)")
            }
            let runs = try ["first", "second"].map { name in
                try Kernel.mkdir(folder.file(name))
                return try service.run(
                    [
                        "npm", "install", "--no-audit", "--no-fund", "--registry", origin.url("/"), "--cache",
                        folder.file("\(name)-cache"), "sample-one",
                    ], workingFolder: folder.file(name))
            }
            try expect(["/files/sample-one-1.0.0.tgz", "/files/sample-two-1.0.0.tgz"], runs, from: origin)
        }

        @Test(.enabled(if: ClientProgram.areInstalled("cargo", "tar"), "cargo is not installed"))
        func cargoFetchesWhatItVerified() throws {
            for name in ["files", "files/sample", "sa", "sa/mp"] { try Kernel.mkdir(folder.file("registry/\(name)")) }
            for name in ["made", "made/sample-1.0.0", "made/sample-1.0.0/src"] { try Kernel.mkdir(folder.file(name)) }
            try folder.write(
                "[package]\nname = \"sample\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
                to: "made/sample-1.0.0/Cargo.toml")
            try folder.write("pub fn answer() -> u32 { 42 }\n", to: "made/sample-1.0.0/src/lib.rs")
            let crate = folder.file("registry/files/sample/download")
            _ = try prepare(["tar", "czf", crate, "sample-1.0.0"], in: "made")
            let origin = try serve()
            try folder.write(
                "{\"dl\":\"\(origin.url("/files"))/{crate}/download\",\"api\":null}", to: "registry/config.json")
            let digest = SHA256Hasher.digest(try Kernel.contents(of: crate)).hex
            try folder.write(
                "{\"name\":\"sample\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"\(digest)\",\"features\":{},"
                    + "\"yanked\":false}\n", to: "registry/sa/mp/sample")
            let runs = try ["first", "second"].map { name in
                for part in [name, "\(name)/src"] { try Kernel.mkdir(folder.file(part)) }
                try folder.write("", to: "\(name)/src/lib.rs")
                try folder.write(
                    "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"
                        + "[dependencies]\nsample = { version = \"1\", registry = \"local\" }\n",
                    to: "\(name)/Cargo.toml")
                return try service.run(
                    ["cargo", "fetch"],
                    environment: [
                        "CARGO_HOME": folder.file("\(name)-home"),
                        "CARGO_REGISTRIES_LOCAL_INDEX": "sparse+\(origin.url("/"))",
                        "RUSTUP_HOME": Machine.home + "/.rustup",
                    ], workingFolder: folder.file(name))
            }
            try expect(["/files/sample/download"], runs, from: origin)
        }
    }
}
