import Testing
import Wire

@Suite struct ContentCodingTests {
    @Test(arguments: [
        ("gzip", true), ("GZIP;q=0.5", true), ("x-gzip", true), ("*", true), ("deflate, gzip;q=1.0", true),
        ("br, *;q=0.1", true),
        ("", false), ("identity", false), ("deflate", false), ("gzip;q=0", false), ("gzip; q=0.000", false),
        ("*;q=0", false),
        ("gzip;q=0, *", false), ("gzip;q=x", false), ("gzipped", false),
    ]) func `RFC 9110 section 12.5.3: who takes gzip`(value: String, accepts: Bool) {
        #expect(ContentCoding.acceptsGzip(fields(("Accept-Encoding", value))) == accepts)
    }

    @Test func `without the field gzip is not for the client`() {
        #expect(!ContentCoding.acceptsGzip(Fields()) && ContentCoding.acceptsIdentity(Fields()))
        #expect(!ContentCoding.acceptsIdentity(fields(("Accept-Encoding", "gzip, identity;q=0"))))
        #expect(
            ContentCoding.isGzip(fields(("Content-Encoding", "X-GZip")))
                && !ContentCoding.isGzip(fields(("Content-Encoding", "gzip, br"))))
        #expect(ContentCoding.of(fields(("Content-Encoding", "identity, br"))) == ["br"])
    }
}
