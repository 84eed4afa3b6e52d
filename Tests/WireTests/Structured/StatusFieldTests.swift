import Core
import Testing
import Wire

@Suite struct StatusFieldTests {
    @Test(
        arguments: [
            (.hit(ttl: 376), "cache; hit; ttl=376"),
            (.stale(ttl: -412, .maxStale), "cache; hit; ttl=-412; detail=max-stale"),
            (.stale(ttl: -2, .whileRevalidating), "cache; hit; ttl=-2; detail=stale-while-revalidate"),
            (.revalidated(.stale, ttl: 60), "cache; fwd=stale; fwd-status=304; ttl=60"),
            (.revalidated(.request, ttl: 60), "cache; fwd=request; fwd-status=304; ttl=60"),
            (.staleOnError(ttl: -9, status: 503), "cache; fwd=stale; fwd-status=503; ttl=-9; detail=stale-if-error"),
            (.staleOnError(ttl: -9, status: nil), "cache; fwd=stale; ttl=-9; detail=stale-if-error"),
            (
                .forwarded(.uriMiss, status: 200, ttl: 5, stored: true),
                "cache; fwd=uri-miss; fwd-status=200; stored; ttl=5"
            ),
            (
                .forwarded(.varyMiss, status: 200, ttl: nil, stored: false, detail: "it is \"private\""),
                "cache; fwd=vary-miss; fwd-status=200; detail=\"it is \\\"private\\\"\""
            ),
            (
                .forwarded(.method, status: 201, ttl: nil, stored: false),
                "cache; fwd=method; fwd-status=201"
            ),
            (
                .collapsed(.uriMiss, status: 200, ttl: 5, stored: true),
                "cache; fwd=uri-miss; fwd-status=200; collapsed; stored; ttl=5"
            ),
            (
                .collapsedInVain(.uriMiss, status: 200, detail: "no"),
                "cache; fwd=uri-miss; fwd-status=200; collapsed=?0; detail=\"no\""
            ),
            (.bypass(status: 200, detail: "own"), "cache; fwd=bypass; fwd-status=200; detail=\"own\""),
            (.onlyIfCached, nil), (.refused, nil), (.error, nil),
        ] as [(CacheStatus, String?)])
    func `RFC 9211 section 2: Cache-Status for every outcome`(status: CacheStatus, value: String?) throws {
        #expect(status.value(cache: "cache") == value)
        var head = fields(("Cache-Status", "origin; hit"))
        status.append(to: &head, cache: "cache")
        #expect(head.all("cache-status") == ["origin; hit"] + (value.map { [$0] } ?? []))
        #expect(try StructuredParser.list(head, "cache-status").count == (value == nil ? 1 : 2))
    }

    @Test
    func `RFC 9211 section 2: a name that is no token is a string, and numbers and texts stay within their forms`()
        throws
    {
        #expect(CacheStatus.hit(ttl: 1).value(cache: "build proxy 1") == "\"build proxy 1\"; hit; ttl=1")
        #expect(CacheStatus.hit(ttl: .min).value(cache: "c") == "c; hit; ttl=-999999999999999")
        #expect(
            CacheStatus.bypass(status: 200, detail: "ü\n").value(cache: "c")
                == "c; fwd=bypass; fwd-status=200; detail=\"???\"")
    }

    @Test(
        arguments: [
            (.requestNoCache, .request), (.requestMaxAge, .request), (.requestMinFresh, .request),
            (.responseNoCache, .stale), (.stale, .stale), (.mustRevalidate, .stale),
        ] as [(Reuse.Why, CacheStatus.Forward)])
    func `RFC 9211 section 2.2: why the origin is asked`(why: Reuse.Why, forward: CacheStatus.Forward) {
        #expect(CacheStatus.Forward(why) == forward)
    }

    @Test(
        arguments: [
            (.dnsTimeout, "dns_timeout", 504), (.dnsError(rcode: "NXDOMAIN"), "dns_error; rcode=\"NXDOMAIN\"", 502),
            (.dnsError(), "dns_error", 502), (.destinationNotFound, "destination_not_found", 500),
            (.destinationUnavailable, "destination_unavailable", 503),
            (.destinationProhibited, "destination_ip_prohibited", 502),
            (.destinationUnroutable, "destination_ip_unroutable", 502), (.connectionRefused, "connection_refused", 502),
            (.connectionTerminated, "connection_terminated", 502), (.connectionTimeout, "connection_timeout", 504),
            (.connectionReadTimeout, "connection_read_timeout", 504),
            (.connectionWriteTimeout, "connection_write_timeout", 504),
            (.connectionLimitReached, "connection_limit_reached", 503), (.tlsProtocolError, "tls_protocol_error", 502),
            (.tlsCertificateError, "tls_certificate_error", 502),
            (.tlsAlertReceived(40), "tls_alert_received; alert-id=40", 502),
            (.requestError(status: 431), "http_request_error; status-code=431", 431),
            (.requestDenied, "http_request_denied", 403), (.responseIncomplete, "http_response_incomplete", 502),
            (.responseHeadTooLarge, "http_response_header_section_size", 502),
            (.responseBodyTooLarge, "http_response_body_size", 502),
            (.responseTrailersTooLarge, "http_response_trailer_section_size", 502),
            (.responseTransferCoding("gzip"), "http_response_transfer_coding; coding=gzip", 502),
            (.responseContentCoding("a b"), "http_response_content_coding", 502),
            (.responseTimeout, "http_response_timeout", 504), (.upgradeFailed, "http_upgrade_failed", 502),
            (.protocolError, "http_protocol_error", 502), (.internalResponse, "proxy_internal_response", nil),
            (.internalError, "proxy_internal_error", 500), (.configurationError, "proxy_configuration_error", 500),
            (.loopDetected, "proxy_loop_detected", 502),
        ] as [(ProxyStatus.Failure, String, Int?)])
    func `RFC 9209 section 2.3: Proxy-Status for every failure`(
        failure: ProxyStatus.Failure, text: String, status: Int?
    )
        throws
    {
        var head = Fields()
        ProxyStatus(failure).append(to: &head, proxy: "proxy")
        #expect(head == fields(("Proxy-Status", "proxy; error=\(text)")))
        #expect(failure.recommendedStatus == status)
        #expect(try StructuredParser.list(head, "proxy-status").count == 1)
    }

    @Test func `RFC 9209 section 2.1: the other parameters`() {
        #expect(
            ProxyStatus(.connectionTimeout, receivedStatus: 101, nextHop: "origin.example", details: "after 10 s")
                .value(proxy: "p")
                == "p; error=connection_timeout; received-status=101; next-hop=\"origin.example\"; details=\"after 10 s\""
        )
        #expect(ProxyStatus(receivedStatus: 200).value(proxy: "p") == "p; received-status=200")
        #expect(ProxyStatus().value(proxy: "p") == "p")
    }

    @Test func `RFC 9530 section 3: digests are written and read`() throws {
        // The digest of RFC 9530, appendix B.1: {"hello": "world"} and a line feed.
        let text = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        let digest = try #require(DigestFields.sha256(fields(("Repr-Digest", text)), "repr-digest"))
        #expect(DigestFields.value(digest) == text)
        #expect(digest.hex == "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38")
        let two = fields(("Content-Digest", "sha-512=:YQ==:"), ("Content-Digest", text))
        #expect(DigestFields.sha256(two, "content-digest") == digest)
        for bad in ["sha-256=abc", "sha-256=:YQ==:", "SHA-256=:x:", "sha-512=:YQ==:", "sha-256", "\(text),"] {
            #expect(DigestFields.sha256(fields(("Repr-Digest", bad)), "repr-digest") == nil, "\(bad)")
        }
    }

    @Test func `RFC 9530 section 4: who does not want a digest says so`() {
        func welcome(_ value: String) -> Bool {
            DigestFields.isWelcome(fields(("Want-Repr-Digest", value)), "want-repr-digest")
        }
        #expect(DigestFields.isWelcome(Fields(), "want-repr-digest"))
        #expect(welcome("sha-256=1") && welcome("sha-256=10, sha-512=3") && welcome("sha-512=3") && welcome("junk="))
        #expect(!welcome("sha-256=0") && !welcome("sha-512=3, sha-256=0"))
    }

    @Test func `RFC 9110 section 10.1.4: who takes trailers`() {
        for (value, accepts) in [
            ("trailers", true), ("gzip;q=0.5, Trailers", true), ("trailers;q=1", true), ("gzip", false), ("", false),
        ] {
            #expect(DigestFields.acceptsTrailers(fields(("TE", value))) == accepts, "\(value)")
        }
        #expect(!DigestFields.acceptsTrailers(Fields()))
    }
}
