import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(1))) struct ServiceLauncherTests {
    let folder: TemporaryFolder
    let state: StateFolder

    init() throws {
        folder = try TemporaryFolder()
        state = StateFolder(path: folder.file("state"))
    }

    private func launcher(_ script: String, patience: Duration = .seconds(10)) throws -> ServiceLauncher {
        let program = try folder.write("#!/bin/sh\n" + script, to: "fetch-service", mode: 0o755)
        let environment = ProcessEnvironment(["PATH": "/usr/bin:/bin", "FETCH_SERVICE_AUTH": "a:b", "HOME": "/nowhere"])
        return ServiceLauncher(folder: state, environment: environment, patience: patience, program: program)
    }

    /// A service as soon as the script has written its file.
    private func found() throws -> Service? {
        guard access(folder.file("ready"), F_OK) == 0 else { return nil }
        return Service(
            proxy: try ProxyAddress("http://127.0.0.1:3"), authorityPath: "/ca.pem",
            control: ControlClient(endpoint: try ControlEndpoint("http://127.0.0.1:2"), credentials: nil))
    }

    @Test func theServiceGetsItsFlagsNoCredentialsAndASessionOfItsOwn() throws {
        let script = """
            echo "$@" > \(folder.file("arguments"))
            env > \(folder.file("variables"))
            pwd > \(folder.file("place"))
            ps -o sid= -p $$ | tr -d ' ' > \(folder.file("sid"))
            echo $$ > \(folder.file("pid"))
            ls /proc/$$/fd > \(folder.file("descriptors"))
            touch \(folder.file("ready"))
            """
        // A descriptor that a shell might have left open.
        let leaked = dup(STDERR_FILENO)
        defer { close(leaked) }
        _ = try launcher(script).start(found)
        #expect(
            folder.text("arguments")
                == "--bind 127.0.0.1 --proxy-port 0 --control-port 0 --idle-shutdown 60 --permissive-mode "
                + "--log-file \(state.log)\n")
        #expect(!folder.text("variables").contains("FETCH_SERVICE_AUTH"))
        #expect(folder.text("variables").contains("HOME=/nowhere"))
        #expect(folder.text("place") == "/\n")
        #expect(folder.text("sid") == folder.text("pid"))
        #expect(!folder.text("descriptors").split(separator: "\n").contains(Substring(String(leaked))))
        let log = try #require(try Kernel.stat(state.log))
        #expect(log.mode & 0o777 == 0o600)
    }

    @Test func aServiceThatEndsAtOnceShowsTheEndOfItsLogAndNothingOlder() throws {
        try state.make()
        try folder.write("older line\n", to: "state/fetch-service.log")
        let script = "echo 'ERROR: bind: address already in use \u{1b}[2J' >&2; exit 3"
        let error = try #require(throws: ServiceError.self) { _ = try launcher(script).start(found) }
        #expect("\(error)".contains("exited with status 3"))
        #expect("\(error)".contains("address already in use \\u{1b}[2J"))
        #expect(!"\(error)".contains("older line"))
    }

    @Test func aServiceThatDoesNotAnswerIsGivenUp() throws {
        let error = try #require(throws: ServiceError.self) {
            _ = try launcher("echo \(folder.path) > /dev/null; sleep 1", patience: .milliseconds(200)).start(found)
        }
        #expect("\(error)".contains("did not answer"))
    }

    @Test func whoeverFindsTheLockTakenWaitsForTheServiceOfTheOther() throws {
        try state.make()
        let lock = try #require(try FileLock.tryLock(state.startLock))
        let ready = folder.file("ready")
        let asked = Lock(0)
        let launcher = try launcher("touch \(folder.file("started"))")
        _ = try withExtendedLifetime(lock) {
            try launcher.start {
                let count = asked.withLock { count -> Int in
                    count += 1
                    return count
                }
                if count == 3 { try Kernel.replaceFile(ready, with: []) }
                return try found()
            }
        }
        #expect(access(folder.file("started"), F_OK) != 0)
    }

    @Test func aMissingProgramIsNamed() throws {
        let environment = ProcessEnvironment(["PATH": folder.path + ":relative"])
        if (try? ServiceLauncher.program(environment: environment)) == nil {
            let error = try #require(throws: ServiceError.self) {
                _ = try ServiceLauncher.program(environment: environment)
            }
            #expect("\(error)".contains("--url"))
        }
        let own = try folder.write("#!/bin/sh\n", to: "fetch-service", mode: 0o755)
        let found = try ServiceLauncher.program(environment: environment)
        #expect(found == own || found.hasSuffix("/debug/fetch-service"))
    }
}
