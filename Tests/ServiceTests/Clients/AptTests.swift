import Core
import Cryptography
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

extension EndToEnd {
    @Suite(
        .enabled(if: ClientProgram.areInstalled("apt-get", "dpkg-deb"), "apt-get and dpkg-deb are not installed"))
    struct AptTests {
        let service: LiveService
        let folder: TemporaryFolder

        init() throws {
            service = try LiveService()
            folder = service.folder
            // apt's methods drop root and read the certificates as another user.
            try Kernel.chmod(folder.path, 0o755)
        }

        /// Makes a package and the indexes of a repository that holds it.
        ///
        /// - Returns: The path of the package in the repository, and its bytes.
        private func makeRepository() throws -> (path: String, bytes: [UInt8]) {
            for name in [
                "tree", "tree/DEBIAN", "tree/usr", "tree/usr/share", "repo", "repo/pool", "repo/dists",
                "repo/dists/stable", "repo/dists/stable/main", "repo/dists/stable/main/binary-amd64",
            ] { try Kernel.mkdir(folder.file(name), mode: 0o755) }
            let control = """
                Package: figlet-sample
                Version: 2.2-1~test
                Architecture: all
                Maintainer: Example Maintainers <maint@archive.example>
                Description: Make large character banners

                """
            try folder.write(control, to: "tree/DEBIAN/control")
            try Kernel.replaceFile(folder.file("tree/usr/share/data"), with: SampleBytes.noise(120_000))
            let path = "pool/figlet-sample_2.2-1~test_all.deb"
            let made = try ClientProgram.run(
                ["dpkg-deb", "--root-owner-group", "--build", folder.file("tree"), folder.file("repo/" + path)],
                in: folder)
            try #require(made.status == 0, "\(made.errors)")
            let bytes = try Kernel.contents(of: folder.file("repo/" + path))
            let packages = """
                \(control)Filename: \(path)
                Size: \(bytes.count)
                SHA256: \(SHA256Hasher.digest(bytes).hex)


                """
            let index = "main/binary-amd64/Packages"
            try folder.write(packages, to: "repo/dists/stable/" + index)
            let digest = SHA256Hasher.digest(Array(packages.utf8)).hex
            let release = """
                Origin: Example
                Suite: stable
                Codename: stable
                Date: Sat, 05 Apr 2025 06:07:08 UTC
                Architectures: amd64
                Components: main
                SHA256:
                 \(digest) \(packages.utf8.count) \(index)

                """
            try folder.write(release, to: "repo/dists/stable/Release")
            return (path, bytes)
        }

        /// Makes a configuration that keeps everything in the test's folder.
        private func configure(_ origin: FileOrigin) throws -> [String: String] {
            for name in [
                "state", "state/lists", "state/lists/partial", "cache", "cache/archives", "cache/archives/partial",
                "etc", "etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "etc/sources.list.d", "got",
            ] { try Kernel.mkdir(folder.file("apt-" + name), mode: 0o755) }
            try folder.write("deb [trusted=yes] \(origin.url("/")) stable main\n", to: "apt-etc/sources.list")
            try folder.write("", to: "apt-state/status")
            let settings = [
                ("Dir", folder.path), ("Dir::State", folder.file("apt-state")),
                ("Dir::State::status", folder.file("apt-state/status")), ("Dir::Cache", folder.file("apt-cache")),
                ("Dir::Etc", folder.file("apt-etc")), ("Dir::Log", folder.file("apt-state")),
                ("APT::Architecture", "amd64"), ("APT::Architectures", "amd64"), ("Acquire::Languages", "none"),
                ("Acquire::Retries", "0"),
            ]
            try folder.write(settings.map { "\($0.0) \"\($0.1)\";\n" }.joined(), to: "apt.conf")
            return ["APT_CONFIG": folder.file("apt.conf")]
        }

        private func apt(_ arguments: [String], _ environment: [String: String]) throws -> LiveService.ClientRun {
            try service.run(
                ["apt-get", "-q"] + arguments, environment: environment, workingFolder: folder.file("apt-got"))
        }

        @Test(arguments: [false, true]) func listsAndPackagesAreRecordedAndCached(isTLS: Bool) throws {
            let (path, bytes) = try makeRepository()
            let origin = try FileOrigin(folder.file("repo"), isTLS: isTLS) { path in
                [("Cache-Control", path.hasPrefix("/pool/") ? "max-age=31536000" : "max-age=0")]
            }
            let environment = try configure(origin)
            let digest = SHA256Hasher.digest(bytes)
            for round in ["network", "cache"] {
                let update = try apt(["update"], environment)
                #expect(update.status == 0, "\(update.output) \(update.errors)")
                #expect(!update.output.contains("Err:"), "\(update.output)")
                let download = try apt(["download", "figlet-sample"], environment)
                #expect(download.status == 0, "\(download.output) \(download.errors)")
                let got = folder.file("apt-got/figlet-sample_2.2-1~test_all.deb")
                #expect(try Kernel.contents(of: got) == bytes)
                try Kernel.unlink(got)
                let artifact = try #require(download.report.artifact(digest))
                #expect(artifact.metadata.type == "application/vnd.debian.binary-package")
                #expect(artifact.metadata.name == "figlet-sample" && artifact.metadata.version == "2.2-1~test")
                #expect(artifact.downloads.map(\.source) == [round])
                #expect(download.errors.contains(digest.hex))
                #expect(download.report.hasGapFreeNumbers && update.report.hasGapFreeNumbers)
                #expect(update.report.exchanges.contains { $0.url.hasSuffix("/dists/stable/Release") })
            }
            #expect(origin.askedPaths.filter { $0.hasPrefix("/pool/") }.count == 1, "\(origin.askedPaths) \(path)")
        }
    }
}
