import Wire

/// Parsing and writing of heads, and the normal form of URLs.
enum WireMeasurements {
    private static let request = """
        GET http://archive.example/debian/pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb HTTP/1.1\r
        Host: archive.example\r
        Proxy-Authorization: Basic MTIzNDU2Nzg5MDpzM2NyM3Q=\r
        User-Agent: Debian APT-HTTP/1.3 (2.6.1)\r
        Accept: */*\r
        Cache-Control: max-age=0\r
        Connection: keep-alive\r
        \r

        """
    private static let response = """
        HTTP/1.1 200 OK\r
        Server: Apache\r
        Date: Sun, 22 Nov 2026 10:11:12 GMT\r
        Content-Type: application/vnd.debian.binary-package\r
        Content-Length: 86656\r
        Last-Modified: Sat, 05 Nov 2022 11:23:47 GMT\r
        ETag: "15280-5ecb7a4fb3d80"\r
        Cache-Control: public, max-age=2592000\r
        Accept-Ranges: bytes\r
        X-Content-Type-Options: nosniff\r
        Vary: Accept-Encoding\r
        Connection: keep-alive\r
        \r

        """

    static func all() throws -> [Measurement] {
        let requestBytes = Array(request.utf8)
        let responseBytes = Array(response.utf8)
        let requestHead = try HeadParser.request(requestBytes.span)
        let responseHead = try HeadParser.response(responseBytes.span)
        var out: [UInt8] = []
        out.reserveCapacity(4096)
        return [
            Measurement(name: "find the end of a request head", repetitions: 20_000) { _ in
                var scanner = HeadScanner()
                return try scanner.scan(requestBytes.span) ?? 0
            },
            Measurement(name: "parse a request head", repetitions: 20_000) { _ in
                try HeadParser.request(requestBytes.span).fields.count
            },
            Measurement(name: "parse a response head", repetitions: 20_000) { _ in
                try HeadParser.response(responseBytes.span).fields.count
            },
            Measurement(name: "normalise a URL", repetitions: 20_000) { _ in
                try RequestURL.proxied(requestHead).key.utf8.count
            },
            Measurement(name: "write a request head", repetitions: 20_000) { _ in
                out.removeAll(keepingCapacity: true)
                requestHead.serialise(into: &out)
                return out.count
            },
            Measurement(name: "write a response head", repetitions: 20_000) { _ in
                out.removeAll(keepingCapacity: true)
                responseHead.serialise(into: &out)
                return out.count
            },
        ]
    }
}
