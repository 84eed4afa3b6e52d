import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(1))) struct ServiceLocatorTests {
    let folder: TemporaryFolder
    /// Root's folder is fixed, so the tests play another user; who owns the files is asked of that user's locator.
    let user: uid_t = geteuid()

    init() throws { folder = try TemporaryFolder() }

    private func locator(_ variables: [String: String] = [:], _ wishes: ServiceLocator.Wishes = .init())
        -> ServiceLocator
    {
        let own = ["XDG_STATE_HOME": folder.path]
        return ServiceLocator(
            environment: .init(own.merging(variables) { _, new in new }), user: user, wishes: wishes,
            stateFolder: folder.path)
    }

    private func writeFile(_ url: String, process: pid_t = getpid()) throws {
        let auth = try folder.write("admin:secret", to: "auth")
        try folder.write(
            """
            {"pid": \(process), "control-url": "\(url)", "proxy-url": "http://127.0.0.1:3", "ca-path": "/ca.pem",
             "auth-path": "\(auth)", "version": "1", "permissive": true}
            """, to: "service.json")
    }

    @Test func aNamedServiceNeedsNoFile() throws {
        let wishes = ServiceLocator.Wishes(url: "http://builder.example:1")
        let service = try #require(
            try locator(
                [
                    "FETCH_SERVICE_URL": "http://other.example", "FETCH_SERVICE_AUTH": "a:b",
                    "FETCH_SERVICE_CA": "/x.pem",
                ],
                wishes
            ).find())
        #expect(service.control.endpoint.description == "http://builder.example:1")
        #expect(service.control.credentials == "a:b")
        #expect(service.proxy == nil)
        #expect(service.authorityPath == "/x.pem")
    }

    @Test func theEnvironmentNamesOneToo() throws {
        let variables = ["FETCH_SERVICE_URL": "http://builder.example", "FETCH_SERVICE_PROXY": "http://p.example:5/"]
        let service = try #require(try locator(variables).find())
        #expect(service.control.endpoint.description == "http://builder.example:9999")
        #expect(service.control.credentials == nil)
        #expect(service.proxy?.description == "http://p.example:5")
    }

    @Test func aRunningServiceIsFoundThroughItsFile() throws {
        let service = try ScriptedService { _ in .json(#"{"uptime":1}"#) }
        defer { service.stop() }
        try writeFile(service.url)
        let found = try #require(try locator(["FETCH_SERVICE_AUTH": "not:this"]).find())
        #expect(found.control.credentials == "admin:secret")
        #expect(found.proxy?.description == "http://127.0.0.1:3")
        #expect(found.authorityPath == "/ca.pem")
        #expect(service.calls == ["GET /status"])
    }

    @Test func aNamedServiceThatLeftItsFileHereIsKnownInFull() throws {
        try writeFile("http://127.0.0.1:7")
        let found = try #require(try locator([:], .init(url: "http://127.0.0.1:7/")).find())
        #expect(found.control.credentials == "admin:secret")
        #expect(found.authorityPath == "/ca.pem")
    }

    @Test func theFileOfADeadProcessIsIgnored() throws {
        let service = try ScriptedService { _ in .json(#"{"uptime":1}"#) }
        defer { service.stop() }
        try writeFile(service.url, process: 0)
        #expect(try locator().find() == nil)
        #expect(service.calls.isEmpty)
    }

    @Test func aPortThatSomebodyElseHasNowIsIgnored() throws {
        let service = try ScriptedService { _ in .json("<html>") }
        defer { service.stop() }
        try writeFile(service.url)
        #expect(try locator().find() == nil)
    }

    @Test func withoutAServiceThereIsNothingToRevoke() throws {
        let error = try #require(throws: ServiceError.self) { _ = try locator().findRunning() }
        #expect("\(error)".contains("--url"))
    }

    // MARK: Root, and a service that runs as a user of its own

    @Test(.enabled(if: geteuid() == 0)) func rootTrustsTheOwnerOfTheFolder() throws {
        let service = try ScriptedService { _ in .json(#"{"uptime":1}"#) }
        defer { service.stop() }
        try writeFile(service.url)
        for path in [folder.path, folder.file("service.json"), folder.file("auth")] { #expect(chown(path, 1, 1) == 0) }
        #expect(try locator().find()?.control.credentials == "admin:secret")
        let paths = LocalLocator(environment: .init([:]), user: 0, stateFolder: folder.path)
        #expect(try paths.paths().isEmpty == false)

        // What this owner could not read is not shown to its service.
        #expect(chown(folder.file("auth"), 0, 0) == 0)
        let error = try #require(throws: ServiceError.self) { _ = try locator().find() }
        #expect("\(error)".contains("another user"))
        // Nor is a file trusted that somebody else left there.
        #expect(chown(folder.file("service.json"), 2, 2) == 0)
        #expect(throws: ServiceError.self) { _ = try locator().find() }
    }

    @Test(.enabled(if: geteuid() == 0)) func rootStartsNoServiceInTheFolderOfAnotherUser() throws {
        #expect(chown(folder.path, 1, 1) == 0)
        let error = try #require(throws: ServiceError.self) { _ = try locator().findOrStart() }
        #expect("\(error)".contains("belongs to user 1, whose service does not run; start it"))
    }
}
