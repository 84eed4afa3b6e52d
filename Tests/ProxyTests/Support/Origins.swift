import RelayTesting
import Wire

extension ScriptedOrigin {
    /// Answers every request with the same fields and body; 304 when the client has the body's tag already.
    convenience init(
        serving body: [UInt8], fields: [(String, String)] = [("Cache-Control", "max-age=1000")], tls: Bool = false
    ) throws {
        try self.init(tls: tls ? TestCertificates.shared.get().server() : nil) { session in
            while let request = try session.readRequest() {
                let tag = fields.first { $0.0 == "ETag" }?.1
                let isKnown = tag.map { request.head.fields.all("If-None-Match") == [$0] } ?? false
                try session.send(head(isKnown ? 304 : 200, fields, length: isKnown ? nil : body.count))
                if !isKnown, request.head.method != "HEAD" { try session.send(body) }
            }
        }
    }
}

/// The head of an answer.
func head(_ status: Int, _ fields: [(String, String)], length: Int?) -> [UInt8] {
    var head = ResponseHead(status: status)
    for (name, value) in fields { head.fields.append(name, value) }
    if let length { head.fields.append("Content-Length", String(length)) }
    var bytes: [UInt8] = []
    head.serialise(into: &bytes)
    return bytes
}
