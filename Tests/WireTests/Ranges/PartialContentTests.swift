import Testing
import Wire

@Suite struct PartialContentTests {
    private func part(_ range: String, tag: String = "\"a\"") -> Fields {
        fields(("ETag", tag), ("Content-Range", range))
    }

    private func combine(_ content: inout PartialContent, status: Int, fields: Fields, received: Int64) -> Bool {
        content.combine(status: status, fields: fields, received: received)
    }

    private func begin(_ range: String, _ received: Int64) throws -> PartialContent {
        try #require(PartialContent(status: 206, fields: part(range), received: received))
    }

    @Test func `RFC 9111 section 3.3: only what has a strong validator and a place can be a part`() {
        #expect(
            PartialContent(status: 200, fields: fields(("ETag", "\"a\"")), received: 5)?.holds(.init(first: 0, last: 4))
                == true)
        let refused: [(Int, Fields, Int64)] = [
            (200, Fields(), 5), (200, fields(("ETag", "W/\"a\"")), 5), (200, fields(("ETag", "\"a\"")), 0),
            (200, fields(("ETag", "\"a\""), ("Content-Length", "4")), 5), (203, fields(("ETag", "\"a\"")), 5),
            (206, fields(("ETag", "\"a\"")), 5), (206, part("bytes 0-3/9"), 5), (206, part("lines 0-9/10"), 5),
            (206, fields(("ETag", "\"a\""), ("Content-Type", "multipart/byteranges; boundary=x")), 5),
            (404, fields(("ETag", "\"a\"")), 5),
        ]
        for (status, head, received) in refused {
            #expect(PartialContent(status: status, fields: head, received: received) == nil, "\(status) \(head)")
        }
    }

    @Test func `RFC 9111 section 3.4: parts are combined by a strong validator only`() throws {
        var content = try begin("bytes 0-3/10", 4)
        let before = content
        for other in [
            part("bytes 4-9/10", tag: "\"b\""), part("bytes 4-9/10", tag: "W/\"a\""),
            fields(("Content-Range", "bytes 4-9/10")),
        ] {
            #expect(!combine(&content, status: 206, fields: other, received: 6))
        }
        #expect(!combine(&content, status: 206, fields: part("bytes 4-9/11"), received: 6))
        #expect(content == before && !content.isComplete)
        #expect(combine(&content, status: 206, fields: part("bytes 4-9/10"), received: 6))
        #expect(content.isComplete && content.firstMissing == nil && content.size == 10)
    }

    @Test func `RFC 9110 section 15.3.7.3: Last-Modified combines where it is strong and no tag is there`() throws {
        let (old, new) = (HTTPDate.format(1000), HTTPDate.format(2000))
        func head(_ modified: String, _ range: String) -> Fields {
            fields(("Last-Modified", modified), ("Date", new), ("Content-Range", range))
        }
        var content = try #require(PartialContent(status: 206, fields: head(old, "bytes 0-3/10"), received: 4))
        #expect(!combine(&content, status: 206, fields: head(HTTPDate.format(1001), "bytes 4-9/10"), received: 6))
        #expect(combine(&content, status: 206, fields: head(old, "bytes 4-9/10"), received: 6))
        #expect(content.isComplete)
        #expect(PartialContent(status: 206, fields: head(new, "bytes 0-3/10"), received: 4) == nil)
    }

    @Test func `RFC 9111 section 3.3: only a range wholly inside is answered`() throws {
        var content = try begin("bytes 10-19/100", 5)
        #expect(content.holds(.init(first: 10, last: 14)) && content.holds(.init(first: 12, last: 13)))
        #expect(!content.holds(.init(first: 10, last: 15)) && !content.holds(.init(first: 9, last: 10)))
        #expect(try #require(content.firstMissing) == (0, 9))
        #expect(combine(&content, status: 206, fields: part("bytes 0-9/100"), received: 10))
        #expect(content.ranges == [.init(first: 0, last: 14)])
        #expect(try #require(content.firstMissing) == (15, 99))
        #expect(combine(&content, status: 206, fields: part("bytes 50-59/*"), received: 10))
        #expect(content.ranges.count == 2)
        #expect(try #require(content.firstMissing) == (15, 49))
        #expect(combine(&content, status: 206, fields: part("bytes 5-99/100"), received: 95))
        #expect(content.isComplete)
    }

    @Test func `RFC 9110 section 15.3.7.3: fields of a later part update, those of a whole replace`() throws {
        var content = try begin("bytes 0-3/10", 4)
        #expect(content.fields == fields(("ETag", "\"a\"")))
        var later = part("bytes 4-5/10")
        later.append("X-A", "1")
        #expect(combine(&content, status: 206, fields: later, received: 2))
        #expect(content.fields.first("x-a") == "1" && !content.fields.contains("content-range"))
        #expect(
            combine(
                &content, status: 200, fields: fields(("ETag", "\"a\""), ("X-B", "2"), ("Content-Length", "10")),
                received: 9))
        #expect(content.fields == fields(("ETag", "\"a\""), ("X-B", "2")) && !content.isComplete)
    }

    @Test func `any order of parts ends complete exactly when every byte came`() throws {
        var generator = SeededGenerator(seed: 5)
        for round in 0..<300 {
            var content: PartialContent?
            var came = [Bool](repeating: false, count: 40)
            while came.contains(false) {
                let first = Int.random(in: 0..<40, using: &generator)
                let last = Int.random(in: first..<40, using: &generator)
                for index in first...last { came[index] = true }
                let head = part("bytes \(first)-\(last)/40")
                let count = Int64(last - first + 1)
                if var known = content {
                    let combined = known.combine(status: 206, fields: head, received: count)
                    #expect(combined)
                    content = known
                } else {
                    content = PartialContent(status: 206, fields: head, received: count)
                }
                #expect(content?.isComplete == !came.contains(false), "round \(round)")
                for index in came.indices {
                    #expect(content?.holds(.init(first: Int64(index), last: Int64(index))) == came[index])
                }
            }
        }
    }
}

@Suite struct ResumptionTests {
    private let stored = fields(("ETag", "\"a\""), ("Content-Type", "x/y"))

    private func judge(_ status: Int, _ pairs: (String, String)..., size: Int64? = 100) -> Resumption {
        var answer = Fields()
        for (name, value) in pairs { answer.append(name, value) }
        return .judge(status: status, fields: answer, offset: 40, stored: stored, size: size)
    }

    @Test func `RFC 9110 section 13.1.5: the rest is asked for with a strong validator only`() {
        var request = fields(("Accept", "x"), ("Range", "bytes=0-5"), ("If-None-Match", "\"z\""), ("If-Range", "\"z\""))
        #expect(Resumption.ask(&request, from: 40, stored: stored))
        #expect(request == fields(("Accept", "x"), ("Range", "bytes=40-"), ("If-Range", "\"a\"")))
        let before = request
        for weak in [Fields(), fields(("ETag", "W/\"a\"")), fields(("Last-Modified", HTTPDate.format(5)))] {
            #expect(!Resumption.ask(&request, from: 40, stored: weak))
            #expect(request == before)
        }
        #expect(!Resumption.ask(&request, from: 0, stored: stored))
    }

    @Test func `RFC 9110 section 15.3.7: what the answers mean`() {
        #expect(judge(206, ("Content-Range", "bytes 40-99/100"), ("ETag", "\"a\"")) == .continues(skip: 0))
        #expect(judge(206, ("Content-Range", "bytes 40-99/100")) == .continues(skip: 0))
        #expect(judge(206, ("Content-Range", "bytes 30-99/100")) == .continues(skip: 10))
        #expect(judge(206, ("Content-Range", "bytes 40-99/*"), size: nil) == .continues(skip: 0))
        #expect(judge(200) == .restarts)
        #expect(judge(206, ("Content-Range", "bytes 41-99/100")) == .fails(.otherRange))
        #expect(judge(206, ("Content-Range", "bytes 0-39/100")) == .fails(.otherRange))
        #expect(judge(206, ("Content-Range", "bytes 40-50/100")) == .fails(.otherRange))
        #expect(judge(206) == .fails(.otherRange))
        #expect(judge(206, ("Content-Range", "bytes 40-100/101")) == .fails(.otherSize))
        #expect(judge(206, ("Content-Range", "bytes 40-99/100"), ("ETag", "\"b\"")) == .fails(.otherRepresentation))
        #expect(judge(206, ("Content-Range", "bytes 40-99/100"), ("ETag", "W/\"a\"")) == .fails(.otherRepresentation))
        #expect(judge(503) == .fails(.status) && judge(404) == .fails(.status))
    }

    @Test func `RFC 9110 section 15.5.17: a 416 with our size means that nothing is missing`() {
        #expect(judge(416, ("Content-Range", "bytes */40"), size: 40) == .complete)
        #expect(judge(416, ("Content-Range", "bytes */40"), size: nil) == .complete)
        #expect(judge(416, ("Content-Range", "bytes */40"), size: 100) == .fails(.otherSize))
        #expect(judge(416, ("Content-Range", "bytes */39"), size: nil) == .fails(.otherSize))
        #expect(judge(416) == .fails(.otherSize))
    }
}
