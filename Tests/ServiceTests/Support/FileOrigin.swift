import Core
import Cryptography
import Foundation
import Platform
import RelayTesting
import Wire

/// An origin that serves the files of a folder, each with the digest of its bytes as its tag.
final class FileOrigin: Sendable {
    typealias FieldsOfPath = @Sendable (_ path: String) -> [(String, String)]

    let root: String
    let server: ScriptedOrigin

    /// - Parameters:
    ///   - root: The folder; read at each request.
    ///   - isTLS: Whether it speaks TLS, with a certificate of the test authority.
    ///   - fields: What to add to the answer for a path.
    /// - Throws: When it cannot listen.
    init(_ root: String, isTLS: Bool = true, fields: @escaping FieldsOfPath = { _ in [] }) throws {
        self.root = root
        server = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            while let request = try session.readRequest() { try Self.answer(request, root, fields, session) }
        }
    }

    private static func answer(
        _ request: SeenRequest, _ root: String, _ fields: FieldsOfPath, _ session: OriginSession
    ) throws {
        let path = String(request.target.split(separator: "?").first ?? "/")
        let decoded = path.removingPercentEncoding ?? path
        let file = root + decoded + (decoded.hasSuffix("/") ? "index.html" : "")
        guard !decoded.contains("/.."), let body = try? Kernel.contents(of: file, limit: 1 << 28) else {
            return try session.respond(404, text: "nothing here\n")
        }
        let tag = "\"\(SHA256Hasher.digest(body).hex)\""
        let isKnown = request.head.fields.list("If-None-Match").contains(tag)
        var head = ResponseHead(status: isKnown ? 304 : 200)
        head.fields.append("ETag", tag)
        for (name, value) in fields(decoded) { head.fields.append(name, value) }
        if !isKnown { head.fields.append("Content-Length", String(body.count)) }
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        try session.send(isKnown || request.head.method == "HEAD" ? bytes : bytes + body)
    }

    func url(_ path: String) -> String { server.url(path) }

    /// The paths asked for so far, in order.
    var askedPaths: [String] { server.requests.map { String($0.target.split(separator: "?").first ?? "/") } }
}
