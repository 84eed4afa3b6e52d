internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The forms of an answer: JSON, text, nothing.
enum ControlReply {
    static func json(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// An error is bare text, never JSON.
    static func text(_ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]) -> Response {
        var fields = headers
        fields[.contentType] = "text/plain; charset=utf-8"
        fields[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// The bare text of a status, such as `404 Not Found`.
    static func status(_ status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        text(status, "\(status.code) \(status.reasonPhrase)", headers: headers)
    }

    static let empty = Response(status: .ok)
}

/// Refuses a request with a text for the client.
struct ControlRefusal: Error, Sendable {
    var status: HTTPResponse.Status
    var text: String

    static func badRequest(_ text: String) -> ControlRefusal {
        ControlRefusal(status: .badRequest, text: escapedForDisplay(text))
    }
}
