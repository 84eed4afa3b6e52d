import Cache
import Core
import Storage
import Testing
import Wire

/// What a 304 or the answer to a HEAD makes of stored answers (RFC 9111, sections 4.3.4 and 4.3.5).
@Suite struct FresheningTests {
    @Test func `RFC 9111 section 3.2: every field is taken over but those about the stored bytes`() throws {
        let old = entry(fields: [
            "Cache-Control": "max-age=1", "ETag": "\"1\"", "X-A": "old", "X-B": "old", "Age": "77",
            "Content-Encoding": "br",
        ])
        let fresh = try #require(
            old.freshened(
                by: fields([
                    "Cache-Control": "max-age=500", "X-A": "new", "Content-Encoding": "gzip", "Content-Length": "9",
                    "Set-Cookie": "a=b",
                ]), requestTime: noon + 40, responseTime: noon + 41))
        #expect(fresh.head.fields.first("X-A") == "new")
        #expect(fresh.head.fields.first("X-B") == "old")
        #expect(fresh.head.fields.first("Content-Encoding") == "br")
        #expect(!fresh.head.fields.contains("Age"))
        #expect(!fresh.head.fields.contains("Set-Cookie"))
        #expect(fresh.head.fields.first("Date") == HTTPDate.format(noon + 41))
        #expect(fresh.response.responseTime == noon + 41)
        #expect(fresh.policy.lifetime == 500)
        // What is written is what is used.
        #expect(StoredEntry(fresh.response)?.head.fields == fresh.head.fields)
    }

    @Test(arguments: [("Cache-Control", "no-store"), ("Vary", "Accept"), ("Vary", "*")])
    func `what forbids keeping it, or varies otherwise, freshens nothing`(_ name: String, _ value: String) {
        #expect(entry().freshened(by: fields([name: value]), requestTime: noon, responseTime: noon) == nil)
    }

    private func selected(
        _ entries: [StoredEntry], asked: Int, _ notModified: KeyValuePairs<String, String>,
        request: KeyValuePairs<String, String> = [:]
    ) -> [Int] {
        StoredEntry.selected(
            among: entries, asked: entries[asked], by: fields(notModified), requestFields: fields(request)
        ).compactMap { chosen in entries.firstIndex { $0 === chosen } }
    }

    @Test func `RFC 9111 section 4.3.4: a strong tag updates all that have it and fit the request`() {
        let accepting = fields(["Accept": "json"])
        let entries = [
            entry(), entry(vary: ["accept"], request: accepting),
            entry(fields: ["Cache-Control": "max-age=1", "ETag": "\"2\""], vary: ["accept"], request: accepting),
            entry(vary: ["accept"], request: fields(["Accept": "html"])),
        ]
        #expect(selected(entries, asked: 0, ["ETag": "\"1\""], request: ["Accept": "json"]) == [0, 1])
        #expect(selected(entries, asked: 0, ["ETag": "\"1\""]) == [0])
        #expect(selected(entries, asked: 0, ["ETag": "\"9\""], request: ["Accept": "json"]) == [])
    }

    @Test func `RFC 9111 section 4.3.4: a weak tag or none updates only what was asked about`() {
        let accepting = fields(["Accept": "json"])
        let weak: KeyValuePairs = ["Cache-Control": "max-age=1", "ETag": "W/\"1\""]
        let entries = [entry(fields: weak), entry(fields: weak, vary: ["accept"], request: accepting)]
        #expect(selected(entries, asked: 0, ["ETag": "W/\"1\""], request: ["Accept": "json"]) == [0])
        #expect(selected(entries, asked: 1, [:], request: ["Accept": "json"]) == [1])
    }
}
