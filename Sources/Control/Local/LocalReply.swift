internal import Core
internal import Platform

/// What goes back over the local socket: `{"result": "ok" | "error", "message": "…"}`.
enum LocalReply: Sendable {
    case ok(String)
    case error(String)
    /// An `ok` with an open file, of which the client gets a descriptor.
    case file(String, SharedDescriptor)
    /// An `ok` whose message is made piece by piece; one that fails on the way is cut off, so that it is no JSON.
    case pieces(first: [UInt8]?, any ReportPieces)

    private static let start = Array("{\"result\":\"ok\",\"message\":\"".utf8)
    private static let end = Array("\"}".utf8)

    /// Makes the reply's bytes, handing on each part.
    ///
    /// - Throws: What `sink` and the pieces throw.
    func write(to sink: ([UInt8]) throws -> Void) throws {
        switch self {
        case .ok(let message), .file(let message, _): try sink(Self.json("ok", message))
        case .error(let message): try sink(Self.json("error", message))
        case .pieces(first: var piece, let pieces):
            var start = Self.start
            while let bytes = piece {
                // Text is whole in each piece: the reports' pieces end between two tokens of their JSON.
                let quoted = JSONValue.string(String(decoding: bytes, as: UTF8.self)).json
                try sink(start + quoted.dropFirst().dropLast())
                start = []
                piece = try pieces.next()
            }
            try sink(start + Self.end)
        }
    }

    private static func json(_ result: String, _ message: String) -> [UInt8] {
        JSONValue.object(["result": .string(result), "message": .string(message)]).json
    }
}
