import Core
import Foundation
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

extension TemporaryFolder {
    /// One in which there is a folder for the configuration.
    static func configured() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try Kernel.mkdir(folder.file("conf"))
        return folder
    }
}

/// A running `fetch-service` that was built with the tests; it is ended with this object.
final class ServiceProcess {
    struct Failure: Error { var text: String }

    /// What a service that was started on its own says where it is.
    struct Place {
        var control: ControlClient
        var controlURL: String
        var proxyURL: String
        var processID: pid_t
    }

    let folder: TemporaryFolder
    private let process = Process()
    /// Where the state folder is.
    let state: String

    /// The program, beside the tests.
    static let program: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/fetch-service"
    }()

    /// Starts the program in an environment that holds what is given and nothing else.
    ///
    /// - Parameters:
    ///   - folder: Gets `out`, `err` and the state folder.
    ///   - arguments: Beside state and configuration folder, ports of its own and the address 127.0.0.1.
    ///   - environment: All that it finds in its environment.
    ///   - isBare: Whether it gets nothing but `arguments`.
    ///   - descriptors: How many it may have at most; no limit of its own unless told.
    /// - Throws: When the program cannot be started.
    init(
        _ folder: TemporaryFolder, _ arguments: [String] = [], environment: [String: String] = [:],
        isBare: Bool = false,
        descriptors: Int? = nil
    ) throws {
        self.folder = folder
        state = folder.file("state")
        process.executableURL = URL(fileURLWithPath: Self.program)
        let own = [
            "--spool", state, "--config", folder.file("conf"), "--proxy-port", "0", "--control-port", "0", "--bind",
            "127.0.0.1",
        ]
        process.arguments = isBare ? arguments : own + arguments
        if let descriptors {
            // Soft and hard, so that the program cannot raise it.
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments =
                ["-c", "ulimit -n \(descriptors); exec \"$0\" \"$@\"", Self.program] + (process.arguments ?? [])
        }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        for (name, isError) in [("out", false), ("err", true)] {
            try folder.write("", to: name)
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file(name)))
            if isError { process.standardError = handle } else { process.standardOutput = handle }
        }
        try process.run()
    }

    deinit {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    var output: String { folder.text("out") }
    var errors: String { folder.text("err") }

    /// Waits until the service says where it is.
    func waitUntilReady(atMost limit: Duration = .seconds(20)) throws -> Place {
        let deadline = MonotonicTime.now() + limit
        while MonotonicTime.now() < deadline, process.isRunning {
            let found = try ServiceFile.read(StateFolder(path: state), owner: geteuid())
            if let found, found.processID == process.processIdentifier {
                let credentials = try found.credentials(
                    owner: geteuid(), environment: ProcessEnvironment(process.environment ?? [:]))
                return Place(
                    control: ControlClient(
                        endpoint: try ControlEndpoint(found.controlURL), credentials: credentials),
                    controlURL: found.controlURL, proxyURL: found.proxyURL, processID: found.processID)
            }
            usleep(5000)
        }
        throw Failure(text: "not ready: \(errors) \(folder.text("log"))")
    }

    func signal(_ signal: CInt) { Glibc.kill(process.processIdentifier, signal) }

    /// Waits until the process has gone.
    ///
    /// - Returns: Its exit status, or 1000 and the signal's number when a signal ended it; `nil` when it still runs.
    func end(atMost limit: Duration = .seconds(20)) -> Int32? {
        let deadline = MonotonicTime.now() + limit
        while process.isRunning {
            guard MonotonicTime.now() < deadline else { return nil }
            usleep(2000)
        }
        return process.terminationReason == .exit ? process.terminationStatus : 1000 + process.terminationStatus
    }

    /// Waits until a text is in the log file.
    func waitForLog(_ text: String, in name: String = "err", atMost limit: Duration = .seconds(20)) -> Bool {
        let deadline = MonotonicTime.now() + limit
        while !folder.text(name).contains(text) {
            guard MonotonicTime.now() < deadline else { return false }
            usleep(5000)
        }
        return true
    }
}
