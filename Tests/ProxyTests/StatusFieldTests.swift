import Core
import MemoryStorage
import Proxy
import Relay
import RelayTesting
import Storage
import Testing
import Wire

/// `Cache-Status` (RFC 9211), `Proxy-Status` (RFC 9209) and `Repr-Digest` (RFC 9530) on what clients get.
@Suite struct StatusFieldTests {
    /// Our member of the field, without our name; nil when there is none.
    private func own(_ name: String, _ answer: SeenResponse) -> String? {
        let members = answer.head.fields.list(name).map { String($0) }
        guard let last = members.last, last.hasPrefix("fetch-service-") else { return nil }
        return last.firstIndex(of: ";").map { String(last[$0...].dropFirst(2)) } ?? ""
    }

    private func cacheStatus(_ answer: SeenResponse) -> String? { own("Cache-Status", answer) }
    private func proxyStatus(_ answer: SeenResponse) -> String? { own("Proxy-Status", answer) }

    private static let tagged = [("Cache-Control", "max-age=1000"), ("ETag", "\"v1\"")]

    @Test func `RFC 9211 section 2: a miss is stored, then hit, also from the ready answers`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2], fields: Self.tagged)
            let client = try proxy.client()
            #expect(cacheStatus(try client.get(origin.url("/a"))) == "fwd=uri-miss; fwd-status=200; stored")
            for _ in 0..<4 { #expect(cacheStatus(try client.get(origin.url("/a"))) == "hit") }
            #expect(cacheStatus(try client.get(origin.url("/a"), fields: ["If-None-Match": "\"v1\""])) == "hit")
            #expect(cacheStatus(try client.get(origin.url("/a"), fields: ["Range": "bytes=0-0"])) == "hit")
            #expect(cacheStatus(try client.get(origin.url("/a"), fields: ["Range": "bytes=9-"])) == "hit")
            #expect(proxyStatus(try client.get(origin.url("/a"))) == nil)
            // What is stored is the origin's head alone.
            let key = try RequestURL(parsing: origin.url("/a")).key
            let stored = try proxy.catalog.responses(in: .shared, key: key)
            #expect(stored.allSatisfy { !String(decoding: $0.head, as: UTF8.self).contains("Cache-Status") })
        }
    }

    @Test func `RFC 9211 section 2: members of caches before us stay in front of ours`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], fields: Self.tagged + [("Cache-Status", "edge; hit")])
            let client = try proxy.client()
            for _ in 0..<2 {
                let members = try client.get(origin.url("/a")).head.fields.list("Cache-Status").map { String($0) }
                #expect(members.count == 2)
                #expect(members.first == "edge; hit")
            }
        }
    }

    @Test func `RFC 9211 section 2.2: the reason of each way to the origin`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isKnown = request.head.fields.contains("If-None-Match")
                    try session.respond(
                        isKnown ? 304 : 200,
                        fields: ["Cache-Control": "max-age=1000", "ETag": "\"1\"", "Vary": "Accept"],
                        text: isKnown ? "" : "x")
                }
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let asked = try client.get(origin.url("/a"), fields: ["Cache-Control": "no-cache"])
            #expect(cacheStatus(asked)?.hasPrefix("fwd=request; fwd-status=304; ttl=") == true)
            let vary = try client.get(origin.url("/a"), fields: ["Accept": "other"])
            #expect(cacheStatus(vary) == "fwd=vary-miss; fwd-status=200; stored")
            let post = try client.ask("POST", origin.url("/a"), fields: ["Content-Length": "0"])
            #expect(cacheStatus(post) == "fwd=method; fwd-status=200")
            let head = try client.ask("HEAD", origin.url("/b"))
            #expect(cacheStatus(head) == "fwd=uri-miss; fwd-status=200")
            let body = try client.ask("GET", origin.url("/a"), fields: ["Content-Length": "1"], body: [1])
            #expect(cacheStatus(body)?.hasPrefix("fwd=bypass; fwd-status=200") == true)
            let noStore = try client.get(origin.url("/c"), fields: ["Cache-Control": "no-store"])
            #expect(cacheStatus(noStore) == "fwd=uri-miss; fwd-status=200; detail=\"the request forbids it\"")
        }
    }

    @Test func `RFC 9211: a stale answer and one that is private say so`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isPrivate = request.target == "/private"
                    try session.respond(
                        fields: ["Cache-Control": isPrivate ? "private" : "max-age=0", "ETag": "\"1\"", "Age": "5"],
                        text: "x")
                }
            }
            let client = try proxy.client()
            let own = try client.get(origin.url("/private"))
            #expect(cacheStatus(own) == "fwd=uri-miss; fwd-status=200; detail=\"the response is private\"")
            _ = try client.get(origin.url("/a"))
            let stale = try client.get(origin.url("/a"), fields: ["Cache-Control": "max-stale"])
            #expect(cacheStatus(stale)?.hasPrefix("hit; ttl=-") == true)
            #expect(cacheStatus(stale)?.hasSuffix("detail=max-stale") == true)
            let other = try client.get(origin.url("/a"))
            #expect(cacheStatus(other) == "fwd=stale; fwd-status=200; stored")
        }
    }

    @Test func `RFC 9211 section 2.6: who waited for another's download is collapsed, or was in vain`() async throws {
        for (control, wanted) in [
            ("max-age=9", "; collapsed; stored"), ("no-store", "; collapsed=?0; detail=\"the response says no-store\""),
        ] {
            try await withProxy { proxy in
                let origin = try ScriptedOrigin { session in
                    while try session.readRequest() != nil {
                        try session.waitForRelease()
                        try session.respond(fields: ["Cache-Control": control], text: "x")
                    }
                }
                let (first, second) = (try proxy.client(), try proxy.client(proxy.other))
                try first.send("GET", origin.url("/a"))
                #expect(origin.waitForRequests(1))
                try second.send("GET", origin.url("/a"))
                try proxy.waitForReaders(2, of: origin.url("/a"))
                origin.release()
                origin.release()
                _ = try first.answer()
                #expect(cacheStatus(try second.answer()) == "fwd=uri-miss; fwd-status=200" + wanted)
            }
        }
    }

    // MARK: Proxy-Status

    @Test func `RFC 9209 section 2.3: our own answers say why`() async throws {
        var options = ProxyOptions()
        options.settings.relay.headTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            let silent = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.waitForRelease()
            }
            let broken = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send("no http at all\r\n\r\n")
            }
            let ending = try ScriptedOrigin { session in _ = try session.readRequest() }
            let gone = try ScriptedOrigin(serving: [])
            gone.stop()
            let client = try proxy.client()
            let cases: [(String, Int, String)] = [
                (silent.url("/"), 504, "error=http_response_timeout"),
                (broken.url("/"), 502, "error=http_protocol_error"),
                (ending.url("/"), 502, "error=connection_terminated"),
                ("http://169.254.169.254/", 403, "error=destination_ip_prohibited"),
                ("http://nothing.invalid/", 502, "error=dns_error"),
            ]
            for (url, status, error) in cases {
                let answer = try client.get(url)
                #expect(answer.head.status == status, "\(url)")
                #expect(proxyStatus(answer) == error, "\(url)")
                #expect(cacheStatus(answer) == nil, "an error of ours is no use of the cache")
            }
            let none = try client.get(broken.url("/x"), fields: ["Cache-Control": "only-if-cached"])
            #expect(proxyStatus(none) == "error=proxy_internal_response")
            #expect(cacheStatus(none) == nil)
            let expectation = try client.get(broken.url("/x"), fields: ["Expect": "wonders"])
            #expect(proxyStatus(expectation) == "error=http_request_error; status-code=417")
            let strict = try proxy.client(proxy.strict).get(broken.url("/x"))
            #expect(proxyStatus(strict) == "error=http_request_denied")
            let stranger = try proxy.connect()
            try stranger.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
            let refused = try #require(try stranger.readResponse())
            #expect(refused.head.status == 407)
            #expect(proxyStatus(refused) == "error=http_request_error; status-code=407")
            silent.release()
        }
    }

    // MARK: Repr-Digest

    @Test func `RFC 9530 section 3: hits tell the digest of the whole unless it is unwanted`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let digest = DigestFields.value(sha256(body))
            #expect(try client.get(origin.url("/a")).head.fields.all("Repr-Digest") == [digest])
            let part = try client.get(origin.url("/a"), fields: ["Range": "bytes=1-2"])
            #expect(part.head.fields.all("Repr-Digest") == [digest])
            let unwanted = try client.get(origin.url("/a"), fields: ["Want-Repr-Digest": "sha-256=0"])
            #expect(!unwanted.head.fields.contains("Repr-Digest"))
        }
    }

    @Test func `RFC 9530 section 3: a streamed answer tells it in a trailer to who takes trailers`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                }
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"), fields: ["TE": "trailers", "Connection": "TE"])
            #expect(answer.head.fields.first("Trailer") == "Repr-Digest")
            #expect(answer.trailers.first("Repr-Digest") == DigestFields.value(sha256(Array("hello".utf8))))
            let plain = try client.get(origin.url("/b"))
            #expect(plain.trailers.isEmpty)
        }
    }
}
