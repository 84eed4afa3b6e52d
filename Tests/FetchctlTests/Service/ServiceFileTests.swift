import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite struct ServiceFileTests {
    let folder: TemporaryFolder
    let state: StateFolder

    init() throws {
        folder = try TemporaryFolder()
        state = try StateFolder(user: 1, environment: .init(["XDG_STATE_HOME": folder.path]))
        try state.make()
    }

    static let text = """
        {"pid": 1, "control-url": "http://127.0.0.1:2", "proxy-url": "http://127.0.0.1:3", "ca-path": "/ca.pem",
         "auth-path": "/auth", "version": "1.2.3", "permissive": true, "later": {}}
        """

    private func write(_ text: String, mode: mode_t = 0o600) throws {
        try folder.write(text, to: "fetch-service/service.json", mode: mode)
    }

    @Test func theFileOfThisUserIsRead() throws {
        try write(Self.text)
        let file = try #require(try ServiceFile.read(state, owner: geteuid()))
        #expect(file.processID == 1)
        #expect(file.proxyURL == "http://127.0.0.1:3")
        #expect(file.credentialsPath == "/auth")
        #expect(file.isPermissive)
        #expect(file.hasLivingProcess)
    }

    @Test func noFileIsNoService() throws {
        #expect(try ServiceFile.read(state, owner: geteuid()) == nil)
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o601] as [mode_t])
    func aFileThatOthersMayAccessIsRefused(_ mode: mode_t) throws {
        try write(Self.text, mode: mode)
        let error = try #require(throws: ServiceError.self) { _ = try ServiceFile.read(state, owner: geteuid()) }
        #expect("\(error)".contains("chmod 600"))
    }

    @Test func aFileOfAnotherUserIsRefused() throws {
        try write(Self.text)
        let error = try #require(throws: ServiceError.self) { _ = try ServiceFile.read(state, owner: geteuid() + 1) }
        #expect("\(error)".contains("another user"))
    }

    @Test func aLinkIsRefused() throws {
        try folder.write(Self.text, to: "elsewhere")
        #expect(symlink(folder.file("elsewhere"), state.serviceFile) == 0)
        let error = try #require(throws: ServiceError.self) { _ = try ServiceFile.read(state, owner: geteuid()) }
        #expect("\(error)".contains("symbolic link"))
    }

    @Test(arguments: ["", "{}", "[1]", "{\"pid\": \"x\"}"])
    func anotherContentIsRefused(_ text: String) throws {
        try write(text)
        #expect(throws: ServiceError.self) { _ = try ServiceFile.read(state, owner: geteuid()) }
    }

    @Test func credentialsComeFromTheNamedFileAndMustBePrivateToo() throws {
        let auth = try folder.write("admin:pass word\n", to: "auth")
        try write(Self.text.replacing("/auth", with: auth))
        let file = try #require(try ServiceFile.read(state, owner: geteuid()))
        let environment = ProcessEnvironment(["FETCH_SERVICE_AUTH": "other:one"])
        #expect(try file.credentials(owner: geteuid(), environment: environment) == "admin:pass word")
        try Kernel.chmod(auth, 0o644)
        #expect(throws: ServiceError.self) { try file.credentials(owner: geteuid(), environment: environment) }
    }

    @Test func withoutSuchAFileTheEnvironmentHasTheCredentials() throws {
        try write(Self.text.replacing("\"auth-path\": \"/auth\",", with: ""))
        let file = try #require(try ServiceFile.read(state, owner: geteuid()))
        let environment = ProcessEnvironment(["FETCH_SERVICE_AUTH": "other:one"])
        #expect(try file.credentials(owner: geteuid(), environment: environment) == "other:one")
    }
}

@Suite struct StateFolderTests {
    @Test func itDependsOnTheUserAsForTheService() throws {
        let environment = ProcessEnvironment(["XDG_STATE_HOME": "/state", "HOME": "/home/me"])
        #expect(try StateFolder(user: 0, environment: environment).path == "/var/lib/fetch")
        #expect(try StateFolder(user: 7, environment: environment).path == "/state/fetch-service")
        let relative = ProcessEnvironment(["XDG_STATE_HOME": "state", "HOME": "/home/me"])
        #expect(try StateFolder(user: 7, environment: relative).path == "/home/me/.local/state/fetch-service")
        #expect(throws: ServiceError.self) { try StateFolder(user: 7, environment: .init([:])) }
    }

    @Test func itIsMadeForTheUserAlone() throws {
        let folder = try TemporaryFolder()
        let state = try StateFolder(user: 7, environment: .init(["HOME": folder.path]))
        try state.make()
        let status = try #require(try Kernel.stat(state.path))
        #expect(status.isDirectory && status.mode & 0o777 == 0o700)
        try state.make()
    }
}
