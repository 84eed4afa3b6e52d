import Testing

@testable import Wire

@Suite struct RangePlanTests {
    private let whole = fields(("Content-Type", "text/plain; charset=utf-8"), ("ETag", "\"a\""))

    private func plan(
        _ range: String, method: String = "GET", status: Int = 200, size: Int64 = 10_000, ifRange: String? = nil
    ) -> RangePlan {
        var request = fields(("Range", range))
        if let ifRange { request.append("If-Range", ifRange) }
        return .of(
            method: method, requestFields: request, status: status, responseFields: whole, size: size,
            boundary: { "BOUNDARY" })
    }

    private func range(_ first: Int64, _ last: Int64) -> ByteRange { ByteRange(first: first, last: last) }

    @Test func `RFC 9110 section 14.2: without Range, with another method or another status the whole is answered`() {
        #expect(
            RangePlan.of(method: "GET", requestFields: Fields(), status: 200, responseFields: whole, size: 5) == .whole)
        for method in ["HEAD", "POST", "get", "PROPFIND"] { #expect(plan("bytes=0-1", method: method) == .whole) }
        for status in [203, 204, 301, 404, 206] { #expect(plan("bytes=0-1", status: status) == .whole) }
        for bad in ["lines=0-1", "bytes=1-0", "bytes=a-", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16"] {
            #expect(plan(bad) == .whole, "\(bad)")
        }
    }

    @Test func `RFC 9110 section 13.1.5: If-Range decides between part and whole`() {
        #expect(plan("bytes=0-1", ifRange: "\"a\"") == .single(range(0, 1), size: 10_000))
        #expect(plan("bytes=0-1", ifRange: "\"b\"") == .whole && plan("bytes=0-1", ifRange: "W/\"a\"") == .whole)
        #expect(plan("bytes=20000-", ifRange: "\"b\"") == .whole)
    }

    @Test func `RFC 9110 sections 14.1.2 and 15.5.17: one range, or none that exists`() {
        #expect(plan("bytes=5-") == .single(range(5, 9999), size: 10_000))
        #expect(plan("bytes=10000-") == .unsatisfiable(size: 10_000))
        #expect(plan("bytes=10000-,20000-30000") == .unsatisfiable(size: 10_000))
        let refused = plan("bytes=10000-").head(for: ResponseHead(status: 200, fields: whole))
        #expect(refused.status == 416 && refused.fields == fields(("Content-Range", "bytes */10000")))
    }

    @Test(
        arguments: [
            ("bytes=0-9,5-20", [(0, 20)]),
            ("bytes=500-600, 0-9, 550-700, 5-20", [(500, 700), (0, 20)]),
            ("bytes=500-600, 0-9, 550-700", [(500, 700), (0, 9)]),
            ("bytes=0-1,4-5,2-3", [(0, 1), (4, 5), (2, 3)]),
            ("bytes=0-1,8-9,1-8", [(0, 9)]),
            ("bytes=0-5,0-5,0-5", [(0, 5)]),
            ("bytes=-5,0-4", [(9995, 9999), (0, 4)]),
            ("bytes=0-4,10000-", [(0, 4)]),
            ("bytes=0-,5-6", [(0, 9999)]),
        ] as [(String, [(Int64, Int64)])])
    func `RFC 9110 section 15.3.7.2: overlapping ranges are one part, in the order of the request`(
        value: String, parts: [(Int64, Int64)]
    ) {
        let wanted = parts.map { range($0.0, $0.1) }
        switch plan(value) {
        case .single(let only, 10_000): #expect([only] == wanted)
        case .parts(let multipart): #expect(multipart.parts == wanted)
        case let other: Issue.record("\(value): \(other)")
        }
    }

    @Test func `RFC 9110 section 15.3.7.2: a 206 carries Content-Range, a multipart one does not`() throws {
        let head = ResponseHead(
            status: 200,
            fields: fields(
                ("Content-Type", "text/plain"), ("ETag", "\"a\""), ("Content-MD5", "x"),
                ("Content-Digest", "sha-256=:x:"),
                ("Repr-Digest", "sha-256=:y:")))
        let single = plan("bytes=0-1").head(for: head)
        #expect(single.status == 206 && single.reason == "Partial Content")
        #expect(
            single.fields
                == fields(
                    ("Content-Type", "text/plain"), ("ETag", "\"a\""), ("Repr-Digest", "sha-256=:y:"),
                    ("Content-Range", "bytes 0-1/10000")))
        let several = plan("bytes=0-1,5-6").head(for: head)
        #expect(several.status == 206 && !several.fields.contains("content-range"))
        #expect(several.fields.all("content-type") == ["multipart/byteranges; boundary=BOUNDARY"])
        #expect(plan("junk").head(for: head) == head)
    }

    @Test func `RFC 9110 section 14.6: the parts are written as the length says`() throws {
        let body = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        guard case .parts(let parts) = plan("bytes=0-1, 9990-, 500-502") else {
            Issue.record("not several")
            return
        }
        var out: [UInt8] = []
        for (index, range) in parts.parts.enumerated() {
            out += parts.opening(of: index) + body[Int(range.first)...Int(range.last)]
        }
        out += parts.closing
        #expect(Int64(out.count) == parts.contentLength)
        let type = "Content-Type: text/plain; charset=utf-8\r\n"
        var wanted = Array("--BOUNDARY\r\n\(type)Content-Range: bytes 0-1/10000\r\n\r\n".utf8) + body[0...1]
        wanted += Array("\r\n--BOUNDARY\r\n\(type)Content-Range: bytes 9990-9999/10000\r\n\r\n".utf8) + body[9990...]
        wanted += Array("\r\n--BOUNDARY\r\n\(type)Content-Range: bytes 500-502/10000\r\n\r\n".utf8) + body[500...502]
        wanted += Array("\r\n--BOUNDARY--\r\n".utf8)
        #expect(out == wanted)
        #expect(RangePlan.parts(parts).contentLength(of: 10_000) == parts.contentLength)
    }

    @Test func `lengths are those of the content`() {
        #expect(plan("junk").contentLength(of: 10_000) == 10_000 && plan("bytes=3-9").contentLength(of: 10_000) == 7)
        #expect(plan("bytes=10000-").contentLength(of: 10_000) == nil)
        #expect(plan("bytes=0-1", size: .max) == .whole)
        let bare = MultipartRanges([range(0, 0), range(2, 2)], size: 3, partType: nil, boundary: "b")
        #expect(text(bare.opening(of: 0)) == "--b\r\nContent-Range: bytes 0-0/3\r\n\r\n")
    }

    @Test func `boundaries differ and are as long as they should be`() {
        let some = Set((0..<100).map { _ in MultipartRanges.randomBoundary() })
        #expect(some.count == 100 && some.allSatisfy { $0.utf8.count == 32 })
    }
}
