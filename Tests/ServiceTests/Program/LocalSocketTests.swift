import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

/// The local socket of the real service, used by the real `fetchctl`.
@Suite(.timeLimit(.minutes(3)), .serialized) struct LocalSocketTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder.configured() }

    private var socket: String { folder.file("run/fetchctl.socket") }
    private var fetchctl: String { String(ServiceProcess.program.dropLast("fetch-service".count)) + "fetchctl" }

    private func fetchctl(_ arguments: [String], at socket: String? = nil) throws -> ClientProgram.Result {
        try ClientProgram.run(
            [fetchctl] + arguments, in: folder, environment: ["FETCH_SERVICE_SOCKET": socket ?? self.socket])
    }

    private func start(_ arguments: [String] = []) throws -> (ServiceProcess, ServiceProcess.Place) {
        let service = try ServiceProcess(folder, ["--control-socket", socket] + arguments)
        return (service, try service.waitUntilReady())
    }

    @Test func theFileComesAndGoesWithTheService() throws {
        for _ in 0..<2 {
            let (service, _) = try start()
            let status = try #require(try Kernel.statusOfLink(socket))
            #expect(status.isSocket && status.mode & 0o777 == 0o600)
            #expect(try (Kernel.stat(folder.file("run"))?.mode ?? 0) & 0o777 == 0o700)
            let version = try fetchctl(["version"])
            #expect(version.status == 0)
            #expect(version.output == "fetchctl \(ProgramVersion.text)\nfetch-service \(ProgramVersion.text)\n")
            service.signal(SIGTERM)
            #expect(service.end() == 143)
            #expect(try Kernel.statusOfLink(socket) == nil)
            let gone = try fetchctl(["version"])
            #expect(gone.status == 1 && gone.errors.contains("no service can be reached"))
        }
    }

    @Test func whatAKilledServiceLeftIsReplaced() throws {
        let (service, _) = try start()
        service.signal(SIGKILL)
        _ = service.end()
        #expect(try Kernel.statusOfLink(socket)?.isSocket == true)
        let (next, _) = try start()
        #expect(try fetchctl(["version"]).status == 0)
        withExtendedLifetime(next) {}
    }

    @Test func anEmptyEnvironmentIsEnough() throws {
        // As craft tools start it: the place is told in service.json, wherever it is.
        let service = try ServiceProcess(folder)
        _ = try service.waitUntilReady()
        let file = try #require(try ServiceFile.read(StateFolder(path: service.state), owner: geteuid()))
        let path = try #require(file.controlSocket)
        #expect(try Kernel.statusOfLink(path)?.isSocket == true)
        #expect(try fetchctl(["version"], at: path).status == 0)
    }

    @Test func aSecondServiceUsesItsStateFolder() throws {
        // Where the first one has the usual place, if it could be had.
        let first = try ServiceProcess(folder)
        _ = try first.waitUntilReady()
        let other = try TemporaryFolder.configured()
        let second = try ServiceProcess(other)
        _ = try second.waitUntilReady()
        let paths = try [first, second].map { service in
            try #require(try ServiceFile.read(StateFolder(path: service.state), owner: geteuid())?.controlSocket)
        }
        #expect(Set(paths).count == 2 && paths[1] == second.state + "/fetchctl.socket")
        for path in paths { #expect(try fetchctl(["version"], at: path).status == 0) }
    }

    @Test func aPlaceThatCannotBeHadIsToldAtTheStart() throws {
        try folder.write("precious", to: "taken")
        for (path, text) in [
            (folder.file("taken"), "something else at this path"), ("/proc/no/such/place", "local socket /proc"),
            ("", "path"),
        ] {
            let service = try ServiceProcess(folder, ["--control-socket", path])
            #expect(service.end() == 1)
            #expect(service.errors.contains(text), "\(service.errors)")
        }
        #expect(folder.text("taken") == "precious")
        let (first, _) = try start()
        let second = try ServiceProcess(try TemporaryFolder.configured(), ["--control-socket", socket])
        #expect(second.end() == 1 && second.errors.contains("another service listens there"))
        withExtendedLifetime(first) {}
    }

    @Test func aPathOfAnyLengthWillDo() throws {
        let long = folder.file(String(repeating: "x", count: 120) + "/fetchctl.socket")
        let service = try ServiceProcess(folder, ["--control-socket", long])
        _ = try service.waitUntilReady()
        #expect(try fetchctl(["version"], at: long).status == 0)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
        #expect(try Kernel.statusOfLink(long) == nil)
    }

    @Test func aSessionOfTheSocketIsOneOfTheService() throws {
        let (service, place) = try start()
        try folder.write("git: {urls: [\"https://git.example/**\"], url: x}\n", to: "own.yaml")
        let created = try fetchctl(
            ["create-session", "--session-id", "build1", "--token", "T0k", "--permissive", folder.file("own.yaml")])
        // Without --permissive-mode.
        #expect(created.output == "session build1:T0k created (strict)\n")
        #expect(try place.control.status().activeSessions?.map(\.id) == ["build1"])
        #expect(try fetchctl(["list-artifacts", "--session-id", "build1"]).output == "[]\n")
        let again = try fetchctl(["create-session", "--session-id", "build1", "--token", "T0k"])
        #expect(again.status == 0 && !again.output.contains("build1") && again.output.contains(":T0k created"))
        let id = try #require(SessionID("build1"))
        try place.control.revoke(id, token: "T0k")
        try place.control.end(id)
        let used = try fetchctl(["create-session", "--session-id", "build1"])
        #expect(used.status == 1 && used.errors.contains("the session id build1 was used before"))
        let gone = try fetchctl(["list-artifacts", "--session-id", "build1"])
        #expect(gone.status == 1 && gone.errors.hasPrefix("fetchctl: there is no session build1: "))
        #expect(service.waitForLog("[build1] create strict session"))
        #expect(service.waitForLog(#"create-session: unknown key "inspectors-configuration.git.url": ignored"#))
        try folder.write("git: [\n", to: "bad.yaml")
        let bad = try fetchctl(["create-session", folder.file("bad.yaml")])
        #expect(bad.status == 1 && bad.errors.contains("malformed payload: 'inspectors-configuration': "))
    }

    @Test func requestsOverTheSocketAreActivity() throws {
        let service = try ServiceProcess(folder, ["--control-socket", socket, "--idle-shutdown", "1"])
        _ = try service.waitUntilReady()
        let deadline = MonotonicTime.now() + .milliseconds(2500)
        while MonotonicTime.now() < deadline { #expect(try fetchctl(["version"]).status == 0) }
        #expect(service.end() == 0)
        #expect(try Kernel.statusOfLink(socket) == nil)
    }
}
