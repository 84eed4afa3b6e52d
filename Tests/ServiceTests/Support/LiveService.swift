import Core
import Cryptography
import FoundationEssentials
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Wire

@testable import fetchctl

/// A service for tests with clients: permissive sessions, origins on loopback allowed, the test authority trusted.
final class LiveService {
    static let credentials = "farm:pass:word"

    let folder: TemporaryFolder
    private(set) var process: ServiceProcess
    private(set) var place: ServiceProcess.Place
    private let arguments: [String]

    init(_ arguments: [String] = [], in given: TemporaryFolder? = nil, descriptors: Int? = nil) throws {
        folder = try given ?? TemporaryFolder.configured()
        self.arguments = ["--permissive-mode"] + arguments
        try folder.write(
            "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n", to: "conf/acl.yaml")
        try Kernel.replaceFile(folder.file("trust.pem"), with: TestCertificates.shared.get().certificatePEM)
        process = try Self.start(folder, self.arguments, descriptors: descriptors)
        place = try process.waitUntilReady()
    }

    /// Starts the program as a test's service is started, without waiting for it.
    static func start(
        _ folder: TemporaryFolder, _ arguments: [String] = [], descriptors: Int? = nil
    ) throws -> ServiceProcess {
        try ServiceProcess(
            folder, arguments,
            environment: ["FETCH_SERVICE_AUTH": credentials, "SSL_CERT_FILE": folder.file("trust.pem")],
            descriptors: descriptors)
    }

    /// Starts it again, on the same ports, after its end.
    ///
    /// - Returns: The time from the start of the program until it serves.
    @discardableResult
    func startAgain() throws -> Duration {
        let before = MonotonicTime.now()
        process = try Self.start(
            folder, arguments + ["--proxy-port", "\(proxyPort)", "--control-port", "\(place.control.endpoint.port)"])
        place = try process.waitUntilReady()
        return MonotonicTime.now() - before
    }

    var proxyPort: UInt16 { UInt16(place.proxyURL.split(separator: ":").last?.filter(\.isNumber) ?? "") ?? 0 }
    var controlPort: UInt16 { place.control.endpoint.port }
    /// The certificate of its own authority.
    var authorityFile: String { folder.file("state/.store/ca.pem") }
    /// Trusts its authority and nobody else.
    var trust: TLSClientContext {
        get throws { try TLSClientContext(trust: .only(try Kernel.contents(of: authorityFile))) }
    }

    // MARK: Sessions

    func open(_ policy: SessionPolicy = .permissive) throws -> ControlClient.OpenedSession {
        try place.control.openSession(policy: policy, timeout: nil)
    }

    /// Revokes the session's token and gives its report.
    func report(_ session: ControlClient.OpenedSession) throws -> SessionReport {
        try place.control.revoke(session.id, token: session.token)
        return try reportOfRevoked(session.id)
    }

    func reportOfRevoked(_ id: SessionID) throws -> SessionReport {
        let path = folder.file("report-\(id)")
        let file = try Kernel.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try place.control.copyReport(of: id, to: file.number)
        try file.close()
        return try Self.readReport(path)
    }

    static func readReport(_ path: String) throws -> SessionReport {
        try JSONDecoder().decode(SessionReport.self, from: Data(Kernel.contents(of: path, limit: 1 << 28)))
    }

}

extension ControlEndpoint {
    var port: UInt16 { authority.port }
}

extension SessionReport {
    /// Everything that has a number.
    var exchanges: [ReportedDownload] {
        (artifacts.flatMap(\.downloads) + responses + refusedRequests + failedTransfers)
            .sorted { $0.number < $1.number }
    }

    var hasGapFreeNumbers: Bool {
        let numbers = exchanges.map(\.number)
        return numbers == Array(Int64(1)..<Int64(numbers.count + 1))
    }

    /// The digests of the artifacts that came from a URL.
    func digests(of url: String) -> Set<String> {
        Set(artifacts.filter { $0.downloads.contains { $0.url == url } }.map(\.metadata.sha256))
    }

    /// The artifact with a digest.
    func artifact(_ digest: SHA256Digest) -> ReportedArtifact? {
        artifacts.first { $0.metadata.sha256 == digest.hex }
    }
}
