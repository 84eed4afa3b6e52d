import PlatformTesting
import Testing

extension EndToEnd {
    /// A few seconds of `benchmarks/soak`, where the machine is not as usual.
    @Suite(.enabled(if: ClientProgram.areInstalled("python3", "openssl"), "python3 or openssl is not installed"))
    struct SoakTests {
        /// The root of the package.
        private static let package = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" }

        private static let kinds = [
            "hit-small", "hit-large", "miss-small", "chunked", "range", "revalidated", "upload", "strict-wheel",
            "session",
        ]

        @Test(arguments: [
            ["--network", "ipv6-only"], ["--network", "ipv6-off"], ["--memory-limit", "256"],
        ]) func nothingIsWrongWith(options: [String]) throws {
            let folder = try TemporaryFolder.configured()
            let programs = String(ServiceProcess.program.dropLast("/fetch-service".count))
            let run = try ClientProgram.run(
                ["python3", "\(Self.package)/benchmarks/soak", "--bin", programs, "--minutes", "0.15"]
                    + Self.kinds.flatMap { ["--only", $0] } + options, in: folder, atMost: .seconds(240))
            if run.status == 1, run.errors.contains("does not let us") { try Test.cancel("\(run.errors)") }
            #expect(run.status == 0, "\(run.output) \(run.errors)")
            #expect(run.output.contains("pass        bytes") && run.output.contains("pass        descriptors"))
        }
    }
}
