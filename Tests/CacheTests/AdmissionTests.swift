import Cache
import Core
import Storage
import Testing
import Wire

/// What becomes of an origin's answer (RFC 9111, section 3; RULES "What may be shared", "Content coding").
@Suite struct AdmissionTests {
    private static let own = Partition.session(session("s1"), credentials: digest("secret"))

    private func admit(
        _ response: KeyValuePairs<String, String>, status: Int = 200, request: KeyValuePairs<String, String> = [:],
        method: String = "GET", partition: Partition = .shared, gzip: Bool = false, never: Bool = false,
        length: Int64? = 4
    ) -> Admission {
        Admission(
            request: Admission.Request(
                method: method, fields: fields(request), partition: partition, session: session("s1"),
                askedForGzip: gzip, neverStored: never),
            response: ResponseHead(status: status, fields: fields(response)), length: length, responseTime: noon)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var status = 200
        var control = ""
        var other: (String, String)?
        var request: (String, String)?
        let isStored: Bool
        /// In the partition of a session with its credentials.
        let isStoredPrivately: Bool
    }

    static let rows: [Row] = [
        Row(testDescription: "3: explicit freshness", control: "max-age=10", isStored: true, isStoredPrivately: true),
        Row(testDescription: "4.2.2: heuristics", isStored: true, isStoredPrivately: true),
        Row(testDescription: "5.2.2.5: no-store", control: "no-store", isStored: false, isStoredPrivately: false),
        Row(
            testDescription: "5.2.2.7: private", control: "private, max-age=9", isStored: false, isStoredPrivately: true
        ),
        Row(
            testDescription: "4.1: Vary: *", control: "max-age=9", other: ("Vary", "*"), isStored: false,
            isStoredPrivately: false),
        Row(
            testDescription: "5.2.1.5: request no-store", control: "max-age=9", request: ("Cache-Control", "no-store"),
            isStored: false, isStoredPrivately: false),
        Row(
            testDescription: "3.5: Authorization", control: "max-age=9", request: ("Authorization", "x"),
            isStored: false,
            isStoredPrivately: true),
        Row(
            testDescription: "3.5: Authorization and public", control: "public, max-age=9",
            request: ("Authorization", "x"), isStored: true, isStoredPrivately: true),
        Row(
            testDescription: "RULES: an error without freshness", status: 404, isStored: false, isStoredPrivately: true),
        Row(
            testDescription: "RULES: an error with freshness", status: 404, control: "max-age=9", isStored: true,
            isStoredPrivately: true),
        Row(
            testDescription: "3.3: a part", status: 206, control: "max-age=9", isStored: false, isStoredPrivately: false
        ),
        Row(testDescription: "302 without freshness", status: 302, isStored: false, isStoredPrivately: false),
        Row(
            testDescription: "302 with freshness", status: 302, control: "max-age=9", isStored: true,
            isStoredPrivately: true),
        Row(
            testDescription: "RULES: a head over 8 KiB", control: "max-age=9",
            other: ("X-F", String(repeating: "x", count: 9000)),
            isStored: false, isStoredPrivately: true),
    ]

    @Test(arguments: rows)
    func `what is stored and what is not, with its reason`(_ row: Row) {
        var response = Fields()
        if !row.control.isEmpty { response.append("Cache-Control", row.control) }
        if let (name, value) = row.other { response.append(name, value) }
        var request = Fields()
        if let (name, value) = row.request { request.append(name, value) }
        for (partition, isStored) in [(Partition.shared, row.isStored), (Self.own, row.isStoredPrivately)] {
            let admission = Admission(
                request: Admission.Request(
                    method: "GET", fields: request, partition: partition, session: session("s1"), askedForGzip: false,
                    neverStored: false),
                response: ResponseHead(status: row.status, fields: response), length: 4, responseTime: noon)
            #expect((admission.storedHead != nil) == isStored, "\(partition): \(admission.notStored ?? "stored")")
            #expect((admission.notStored == nil) == isStored)
            #expect(admission.head.isShareable == isStored)
            #expect(admission.scope == (isStored ? partition.scope : .session(session("s1"))))
        }
    }

    @Test func `other methods and bodies are never stored`() {
        #expect(admit(["Cache-Control": "max-age=9"], method: "POST").storedHead == nil)
        #expect(admit(["Cache-Control": "max-age=9"], never: true).notStored == "the request forbids it")
    }

    @Test func `cookies are for the one who asked`() {
        let shared = admit(["Cache-Control": "max-age=9", "Set-Cookie": "a=b"])
        #expect(shared.ownHead.fields.first("Set-Cookie") == "a=b")
        #expect(!shared.head.response.fields.contains("Set-Cookie"))
        #expect(shared.storedHead?.fields.contains("Set-Cookie") == false)
        let own = admit(["Cache-Control": "max-age=9", "Set-Cookie": "a=b"], partition: Self.own)
        #expect(own.storedHead?.fields.contains("Set-Cookie") == false)
    }

    @Test func `fields that private or no-cache name are not stored`() {
        let admission = admit([
            "Cache-Control": "max-age=9, private=\"X-Me\", no-cache=\"X-Fresh\"", "X-Me": "1", "X-Fresh": "2",
            "X-All": "3",
        ])
        #expect(admission.ownHead.fields.first("X-Me") == "1")
        #expect(admission.storedHead?.fields.contains("X-Me") == false)
        #expect(admission.storedHead?.fields.contains("X-Fresh") == false)
        #expect(admission.storedHead?.fields.first("X-All") == "3")
    }

    @Test func `framing and fields for one connection are not for clients`() {
        let admission = admit([
            "Content-Length": "4", "Transfer-Encoding": "chunked", "Connection": "X-Hop", "X-Hop": "1",
            "Keep-Alive": "timeout=1", "Cache-Control": "max-age=9",
        ])
        for name in ["Content-Length", "Transfer-Encoding", "Connection", "X-Hop", "Keep-Alive"] {
            #expect(!admission.ownHead.fields.contains(name), "\(name)")
            #expect(admission.storedHead?.fields.contains(name) == false, "\(name)")
        }
        #expect(admission.head.length == 4)
    }

    @Test func `an answer without Date gets one`() {
        #expect(admit([:]).ownHead.fields.first("Date") == HTTPDate.format(noon))
        #expect(admit(["Date": "Sun, 06 Nov 1994 08:49:37 GMT"]).ownHead.fields.count(of: "Date") == 1)
    }

    @Test func `gzip that we asked for is undone`() {
        let admission = admit(
            [
                "Content-Encoding": "gzip", "ETag": "\"1\"", "Content-MD5": "x", "Digest": "y",
                "Cache-Control": "max-age=9",
                "Vary": "Accept-Encoding",
            ], request: ["Accept-Encoding": "gzip"], gzip: true)
        #expect(admission.mustDecode)
        #expect(admission.head.isDecoded)
        #expect(admission.head.length == nil, "the length is that of other bytes")
        for name in ["Content-Encoding", "Content-MD5", "Digest"] { #expect(!admission.ownHead.fields.contains(name)) }
        #expect(admission.ownHead.fields.first("ETag") == "W/\"1\"")
        #expect(admission.head.response.fields.first("ETag") == "W/\"1\"")
        #expect(admission.storedHead?.fields.first("ETag") == "\"1\"", "the origin's own is kept for validating")
        #expect(admission.head.varyNames == ["accept-encoding"])
    }

    @Test(arguments: [("gzip", false), ("br", true), ("gzip, br", true)])
    func `a coding that we did not ask for is content`(_ coding: String, _ asked: Bool) {
        let admission = admit(["Content-Encoding": coding, "ETag": "\"1\""], gzip: asked)
        #expect(!admission.mustDecode)
        #expect(admission.ownHead.fields.first("Content-Encoding") == coding)
        #expect(admission.ownHead.fields.first("ETag") == "\"1\"")
        #expect(admission.head.length == 4)
    }

    @Test func `inspectors can read plain content and gzip`() {
        #expect(Admission.obstacle(in: fields([:])) == nil)
        #expect(Admission.obstacle(in: fields(["Content-Encoding": "gzip"])) == nil)
        #expect(Admission.obstacle(in: fields(["Content-Encoding": "identity"])) == nil)
        #expect(Admission.obstacle(in: fields(["Content-Encoding": "br"]))?.contains("br") == true)
        #expect(Admission.obstacle(in: fields(["Content-Encoding": "gzip, gzip"])) != nil)
    }
}
