import Core
import Glibc
import Platform
import PlatformTesting
import Testing
import Wire

@testable import fetchctl

@Suite(.timeLimit(.minutes(1))) struct ControlClientTests {
    let id = SessionID("abc123")

    private func client(_ service: ScriptedService, credentials: String? = "me:secret") throws -> ControlClient {
        var client = ControlClient(endpoint: try ControlEndpoint(service.url), credentials: credentials)
        client.patience = .init(usual: .seconds(5), settling: .seconds(5))
        return client
    }

    /// The report that a client copies from a service that sends these pieces.
    private func copied(_ pieces: [[UInt8]]) throws -> (text: String, size: Int64) {
        let service = try ScriptedService { _ in .init(pieces: pieces) }
        defer { service.stop() }
        let folder = try TemporaryFolder()
        let file = try Kernel.open(folder.file("report"), O_RDWR | O_CREAT)
        let size = try client(service).copyReport(of: #require(id), to: file.number)
        return (folder.text("report"), size)
    }

    @Test func openingASessionSendsPolicyTimeoutAndCredentials() throws {
        let service = try ScriptedService { _ in .json(#"{"id":"0f3a","token":"AbC123","timeout":60,"new":[1]}"#) }
        defer { service.stop() }
        let opened = try client(service).openSession(policy: .strict, timeout: 60)
        #expect(opened == .init(id: try #require(SessionID("0f3a")), token: "AbC123"))
        let request = try #require(service.requests.first)
        #expect(request.call == "POST /session")
        #expect(request.body == #"{"policy":"strict","timeout":60}"#)
        #expect(request.fields.first("Authorization") == "Basic " + Base64.encode(Array("me:secret".utf8)))
        #expect(request.fields.first("Host") == service.listener.address.text)
    }

    @Test(arguments: [
        #"{"id":"../x","token":"abc"}"#, #"{"id":"abc","token":"a@evil.example/"}"#, #"{"id":"abc","token":""}"#,
        #"{"id":"abc"}"#, "[]", "",
    ])
    func anAnswerWithoutAPlainIdAndTokenIsNotUsed(_ body: String) throws {
        let service = try ScriptedService { _ in .json(body) }
        defer { service.stop() }
        let error = try #require(throws: ControlError.self) {
            _ = try client(service).openSession(policy: .strict, timeout: nil)
        }
        #expect(error.kind == .malformed)
    }

    @Test func revocationCarriesTheTokenInItsBodyOnly() throws {
        let service = try ScriptedService { _ in .json("{}") }
        defer { service.stop() }
        try client(service, credentials: nil).revoke(#require(id), token: "T0ken")
        let request = try #require(service.requests.first)
        #expect(request.call == "DELETE /session/abc123/token")
        #expect(request.body == #"{"token":"T0ken"}"#)
        #expect(!request.fields.contains("Authorization"))
    }

    @Test func endingAndDeletingAcceptEmptyAnswers() throws {
        let service = try ScriptedService { _ in .json("") }
        defer { service.stop() }
        try client(service).end(#require(id))
        try client(service).deleteResources(#require(id))
        #expect(service.calls == ["DELETE /session/abc123", "DELETE /resources/abc123"])
    }

    @Test func aReportArrivesWholeInEveryFramingAndEverySplit() throws {
        let body = #"{"artifacts":[]}"#
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + body,
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n" + body.prefix(6) + "\r\nA;x=y\r\n"
                + body.dropFirst(6) + "\r\n0\r\nX-Trailer: 1\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n"
                + body,
        ]
        for answer in answers {
            let bytes = Array(answer.utf8)
            for split in stride(from: 0, to: bytes.count, by: 7) {
                let result = try copied([Array(bytes[..<split]), Array(bytes[split...])])
                #expect(result.text == body)
                #expect(result.size == 16)
            }
            #expect(try copied(bytes.map { [$0] }).text == body)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"artifacts\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"arti\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 200 O", "garbage\r\n\r\n", "",
    ])
    func anAnswerThatEndsEarlyOrIsNoHTTPIsAnError(_ answer: String) throws {
        let error = try #require(throws: ControlError.self) { _ = try copied([Array(answer.utf8)]) }
        #expect(error.kind == .malformed)
    }

    @Test func anErrorShowsTheServicesTextWithoutItsControlCharacters() throws {
        let service = try ScriptedService { _ in .json("session token is active\n\u{1b}[31m\u{202e}", status: 400) }
        defer { service.stop() }
        let error = try #require(throws: ControlError.self) {
            try client(service).end(#require(id))
        }
        #expect(error.kind == .answered(400))
        #expect(error.reason == "session token is active\\u{a}\\u{1b}[31m\\u{202e}")
        #expect("\(error)" == "the service answered DELETE /session/abc123 with 400: \(error.reason)")
    }

    @Test func refusedCredentialsSayWhichVariableHoldsThem() throws {
        let service = try ScriptedService { _ in .json("401 Unauthorized", status: 401) }
        defer { service.stop() }
        let error = try #require(throws: ControlError.self) {
            _ = try client(service).openSession(policy: .strict, timeout: nil)
        }
        #expect("\(error)".contains("FETCH_SERVICE_AUTH"))
        #expect(!"\(error)".contains("secret"))
    }

    @Test func aSilentServiceIsGivenUp() throws {
        let service = try ScriptedService { _ in .silence }
        defer { service.stop() }
        let error = try #require(throws: ControlError.self) {
            _ = try client(service).status(patience: .milliseconds(50))
        }
        #expect(error.kind == .timedOut)
    }

    @Test func aPortWithoutListenerIsUnreachable() throws {
        let port = try Listener(.loopback4(port: 0)).address.port
        let client = ControlClient(endpoint: try ControlEndpoint("http://localhost:\(port)"), credentials: nil)
        let error = try #require(throws: ControlError.self) { _ = try client.status() }
        #expect(error.kind == .unreachable)
    }

    @Test func aReportThatCannotBeWrittenIsALocalError() throws {
        let service = try ScriptedService { _ in .json("{}") }
        defer { service.stop() }
        let full = try Kernel.open("/dev/full", O_WRONLY)
        let error = try #require(throws: ControlError.self) {
            try client(service).copyReport(of: #require(id), to: full.number)
        }
        #expect(error.kind == .local)
    }

    @Test func theStatusMayHideItsSessions() throws {
        let service = try ScriptedService { _ in .json(#"{"uptime":3,"session-count":1,"active-sessions":[]}"#) }
        defer { service.stop() }
        #expect(try client(service).status().uptime == 3)
    }
}

@Suite struct ControlEndpointTests {
    @Test func thePortIsTheServicesUnlessNamed() throws {
        #expect(try ControlEndpoint("http://builder.example").authority.port == 9999)
        #expect(try ControlEndpoint("http://Builder.example:80/").description == "http://builder.example:80")
        #expect(try ControlEndpoint("http://[::1]:7").description == "http://[::1]:7")
    }

    @Test(arguments: [
        "https://builder.example", "builder.example", "http://", "http://user:pw@builder.example", "http://a/b",
        "http://a:99999", "http://a b",
    ])
    func anythingElseIsRefused(_ url: String) {
        #expect(throws: ServiceError.self) { try ControlEndpoint(url) }
    }
}
