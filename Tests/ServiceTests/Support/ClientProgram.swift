import Core
import Foundation
import Glibc
import Platform
import PlatformTesting
import ReportModel

/// Programs of the system that tests use as clients.
enum ClientProgram {
    struct Failure: Error { var text: String }

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Where a program is, along `PATH`.
    static func find(_ name: String) -> String? {
        searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Whether all of them are installed.
    static func areInstalled(_ names: String...) -> Bool { names.allSatisfy { find($0) != nil } }

    /// Whether Python has a module.
    static func pythonHas(_ module: String) -> Bool {
        guard find("python3") != nil, let folder = try? TemporaryFolder.configured() else { return false }
        return (try? run(["python3", "-c", "import \(module)"], in: folder).status) == 0
    }

    private static let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"

    /// Runs a program to its end with variables of its own: a home in the test's folder, nobody's proxy or configuration.
    ///
    /// - Throws: ``Failure`` when it cannot be started or takes too long; it is killed then.
    static func run(
        _ words: [String], in folder: TemporaryFolder, environment: [String: String] = [:],
        workingFolder: String? = nil,
        input: String? = nil, atMost limit: Duration = .seconds(60)
    ) throws -> Result {
        guard let name = words.first, let program = name.hasPrefix("/") ? name : find(name) else {
            throw Failure(text: "\(words) is not installed")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = Array(words.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: workingFolder ?? folder.path)
        let own = [
            "PATH": searchPath, "HOME": folder.path, "TMPDIR": folder.path, "LC_ALL": "C.UTF-8",
            "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        ]
        process.environment = own.merging(environment) { $1 }
        let input = input.map { FileHandle(forReadingAtPath: $0) } ?? FileHandle.nullDevice
        process.standardInput = input
        let mark = UUID().uuidString
        let (output, errors) = ("client-\(mark).out", "client-\(mark).err")
        for file in [output, errors] { try folder.write("", to: file) }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file(output)))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file(errors)))
        try process.run()
        let deadline = MonotonicTime.now() + limit
        while process.isRunning {
            if MonotonicTime.now() > deadline {
                Glibc.kill(process.processIdentifier, SIGKILL)
                throw Failure(text: "\(words) took longer than \(limit): \(folder.text(errors))")
            }
            usleep(2000)
        }
        let status = process.terminationStatus
        return Result(
            status: process.terminationReason == .exit ? status : 128 + status, output: folder.text(output),
            errors: folder.text(errors))
    }
}

extension LiveService {
    /// Runs `fetchctl` for this service to its end.
    func fetchctl(_ arguments: String...) throws -> ClientProgram.Result {
        let program = String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl"
        return try ClientProgram.run(
            [program] + arguments, in: folder,
            environment: [
                "FETCH_SERVICE_URL": place.controlURL, "FETCH_SERVICE_AUTH": Self.credentials,
                "FETCH_SERVICE_SOCKET": folder.file("fetchctl.socket"),
            ])
    }

    /// What a client did inside `fetchctl run`.
    struct ClientRun {
        var status: Int32
        var output: String
        /// The client's messages, then the table.
        var errors: String
        var report: SessionReport
    }

    /// Runs a client in a session of its own, by `fetchctl run`.
    func run(
        _ words: [String], environment: [String: String] = [:], workingFolder: String? = nil
    ) throws -> ClientRun {
        let fetchctl = String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl"
        let report = folder.file("report.json")
        try Kernel.unlinkIfPresent(report)
        let own = [
            "FETCH_SERVICE_URL": place.controlURL, "FETCH_SERVICE_PROXY": place.proxyURL,
            "FETCH_SERVICE_CA": authorityFile, "FETCH_SERVICE_AUTH": Self.credentials,
        ]
        let result = try ClientProgram.run(
            [fetchctl, "run", "--no-proxy", "", "--report", report, "--"] + words, in: folder,
            environment: own.merging(environment) { $1 }, workingFolder: workingFolder)
        guard access(report, R_OK) == 0 else {
            throw ClientProgram.Failure(text: "no report of \(words): \(result.errors)")
        }
        return ClientRun(
            status: result.status, output: result.output, errors: result.errors,
            report: try Self.readReport(report))
    }
}
