internal import Core

/// A request over the local socket: `{"operation": "…", "type": "…", "validate-only": true, "payload": "…"}`.
///
/// Members that are absent or `null` are empty; unknown ones are ignored.
struct LocalRequest: Sendable, Equatable {
    var operation = ""
    var type = ""
    var validateOnly = false
    var payload = ""

    /// Why something is no request.
    struct Fault: Error, Sendable, CustomStringConvertible { var description: String }

    /// What is said to who sends nothing.
    static let emptyText = "the request is empty (EOF): expected a JSON object"

    init(_ bytes: [UInt8]) throws(Fault) {
        guard !bytes.isEmpty else { throw Fault(description: Self.emptyText) }
        let document: JSONValue
        do {
            document = try JSONValue(firstIn: bytes)
        } catch {
            throw Fault(description: error.description)
        }
        guard case .object(let members) = document else {
            throw Fault(description: "the request is \(document.kind): expected a JSON object")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where value != .null {
            switch name {
            case "operation": operation = try Self.text(name, value)
            case "type": type = try Self.text(name, value)
            case "payload": payload = try Self.text(name, value)
            case "validate-only":
                guard let flag = value.bool else {
                    throw Fault(description: "'validate-only' must be true or false, not \(value.kind)")
                }
                validateOnly = flag
            default: break
            }
        }
    }

    private static func text(_ name: String, _ value: JSONValue) throws(Fault) -> String {
        guard let text = value.text else {
            throw Fault(description: "'\(name)' must be a string, not \(value.kind)")
        }
        return text
    }
}
