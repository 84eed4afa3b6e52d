internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Platform

/// The forms of an answer: JSON, text, nothing.
enum ControlReply {
    static func json(_ text: String) -> Response { json(ByteBuffer(string: text)) }

    static func json(_ value: JSONValue) -> Response { json(ByteBuffer(bytes: value.json)) }

    private static func json(_ bytes: ByteBuffer) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: bytes))
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

    /// The head of an answer; a body whose length is not known is made in order to count it.
    ///
    /// A HEAD must not tell another length than a GET (RFC 9110, section 8.6), and without any the encoder would send chunks.
    static func head(of response: Response) async throws -> Response {
        if response.body.contentLength == nil {
            let count = Lock(0)
            try await response.body.write(ByteCounter(count: count))
            var head = response.createHeadResponse()
            head.headers[.contentLength] = String(count.withLock { $0 })
            return head
        }
        return response.createHeadResponse()
    }

    private struct ByteCounter: ResponseBodyWriter {
        let count: Lock<Int>

        func write(_ buffer: ByteBuffer) async throws { count.withLock { $0 += buffer.readableBytes } }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}

/// Refuses a request with a text for the client.
struct ControlRefusal: Error, Sendable {
    var status: HTTPResponse.Status
    var text: String

    static func badRequest(_ text: String) -> ControlRefusal {
        ControlRefusal(status: .badRequest, text: escapedForDisplay(text))
    }
}
