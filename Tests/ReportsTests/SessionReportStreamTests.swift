import Core
import FoundationEssentials
import ReportModel
import Storage
import Testing

@testable import Reports

@Suite struct SessionReportStreamTests {
    private let records = ListedRecords()
    private let context = ReportContext(
        version: "1.2.3", inspectors: ["pip.wheel", "deb", "default"], spoolPath: "/spool/s1",
        sha1: { _, digest in .known("sha1 of \(digest.hex)", read: 0) })

    private func session(
        _ policy: SessionPolicy = .permissive, revoked: WallTime? = WallTime(seconds: 2_000_000_000),
        incomplete: String = ""
    ) throws -> SessionRow {
        SessionRow(
            id: try #require(SessionID("s1")), policy: policy, created: WallTime(seconds: 1_999_990_000), timeout: 600,
            tokenHash: digest(0), redactionKey: [], revoked: revoked, incompleteReason: incomplete)
    }

    private func digest(_ number: UInt64) -> SHA256Digest { SHA256Digest(words: (number, 0, 0, number)) }

    private func judgement(_ opinion: String) -> [UInt8] {
        let inspection =
            "{\"deb\":{\"opinion\":\"\(opinion)\",\"reason\":\"a, \\\"b\\\" }\",\"annotations\":{\"n\":[1]}}}"
        let metadata =
            "{\"type\":\"text/plain\",\"sha1\":\"\",\"sha256\":\"\",\"size\":7,\"name\":\"\(opinion) one\",\"version\":\"\","
            + "\"vendor\":\"\",\"description\":\"\",\"author\":\"<a@b.example> & ü\",\"license\":\"\"}"
        let text =
            "{\"request-inspection\":\(inspection),\"response-inspection\":\(inspection),\"metadata\":\(metadata)}"
        return Array(text.utf8)
    }

    /// Adds an exchange with the next number.
    @discardableResult
    private func add(
        _ category: ExchangeRow.Category, digest: SHA256Digest? = nil, delivered: Int64 = 7,
        result: ExchangeRow.Result? = nil, judged: String? = nil, padding: Int = 0
    ) throws -> Int64 {
        let number = Int64(records.rows.count + 1)
        let download =
            "{\"method\":\"GET\",\"url\":\"https://a.example:443/\(number)\",\"status-code\":200,\"status\":\"200 OK\","
            + "\"request-header\":{\"User-Agent\":[\"test\"]},\"reason\":\"\(String(repeating: "x", count: padding))\"}"
        records.rows.append(
            ExchangeRow(
                session: try session().id, number: number, category: category, digest: digest, size: 7,
                delivered: delivered, result: result, download: Array(download.utf8),
                judgement: judged.map(judgement) ?? []))
        return number
    }

    private func bytes(_ session: SessionRow, _ context: ReportContext? = nil) throws -> [UInt8] {
        var stream = SessionReportStream(session: session, records: records, context: context ?? self.context)
        var json: [UInt8] = []
        while let piece = try stream.next() {
            #expect(!piece.isEmpty)
            json += piece
        }
        #expect(try stream.next() == nil)
        return json
    }

    private func head(_ session: SessionRow, _ context: ReportContext) throws -> SessionHead {
        SessionHead(session: session, context: context, secretUses: try SecretUses(of: session, in: records))
    }

    private func report(_ session: SessionRow) throws -> SessionReport {
        try JSONDecoder().decode(SessionReport.self, from: Data(try bytes(session)))
    }

    @Test func anEmptySessionHasAllKeysOfTheContract() throws {
        let report = try JSONValue(parsing: try bytes(try session()))
        #expect(report["generator"] == "fetch-service 1.2.3")
        #expect(report["session-id"] == "s1")
        #expect(report["start-time"] == "2033-05-18T00:46:40.000000000Z")
        #expect(report["end-time"] == "2033-05-18T03:33:20.000000000Z")
        #expect(report["inspectors"]?.texts == ["pip.wheel", "deb", "default"])
        #expect(report["spool-path"] == "/spool/s1")
        #expect(report["policy"] == "permissive")
        #expect(report["state"] == "revoked")
        #expect(report["record-complete"] == true)
        for key in ["artifacts", "responses", "refused-requests", "failed-transfers", "incomplete"] {
            #expect(report[key] == [], "\(key)")
        }
        #expect(report["totals"]?["exchanges"] == 0)
    }

    @Test func nameAndLabelsAreOnlyThereWhenTheyWereGiven() throws {
        var row = try session()
        let plain = try JSONValue(parsing: try bytes(row))
        #expect(plain["name"] == nil && plain["labels"] == nil)
        row.name = "nightly \u{e9}"
        row.labels = Array(#"{"arch":"riscv64"}"#.utf8)
        let named = try report(row)
        #expect(named.name == "nightly \u{e9}" && named.labels == ["arch": "riscv64"])
        let context = ReportContext(
            version: "1", inspectors: [], spoolPath: "/", sha1: { _, _ in .known("", read: 0) })
        let head = try JSONValue(parsing: try head(row, context).json)
        #expect(head["name"] == "nightly \u{e9}" && head["labels"] == ["arch": "riscv64"])
    }

    @Test func anExchangeIsToldWithItsListAndItsVerdict() throws {
        let id = try #require(SessionID("s1"))
        var row = ExchangeRow(
            session: id, number: 3, category: .refusal, download: Array(#"{"url":"u"}"#.utf8))
        #expect(row.liveEntry == Array(#"{"number":3,"category":"refusal","url":"u"}"#.utf8))
        row.result = .unknown
        row.download = Array("{}".utf8)
        #expect(row.liveEntry == Array(#"{"number":3,"category":"refusal","result":"Unknown"}"#.utf8))
        row.category = .artifact
        row.judgement = Array(#"{"metadata":{"name":"n"},"response-inspection":{"deb":{"opinion":"Unknown"}}}"#.utf8)
        #expect(
            String(decoding: row.liveEntry, as: UTF8.self)
                == #"{"number":3,"category":"artifact","result":"Unknown","#
                + #""response-inspection":{"deb":{"opinion":"Unknown"}}}"#)
    }

    @Test func everyExchangeStandsInItsList() throws {
        try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        try add(.refusal)
        try add(.response)
        try add(.artifact, digest: digest(2), result: .rejected, judged: "Rejected")
        try add(.failure, delivered: 3)
        try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        let report = try report(try session())
        #expect(report.artifacts.map { $0.downloads.map(\.number) } == [[1, 6], [4]])
        #expect(report.refusedRequests.map(\.number) == [2])
        #expect(report.responses.map(\.number) == [3])
        #expect(report.failedTransfers.map(\.number) == [5])
        let first = try #require(report.artifacts.first)
        #expect(first.metadataVersion == "0.3")
        #expect(first.result == "Approved")
        #expect(first.metadata.name == "Approved one")
        #expect(report.artifacts.map(\.metadata.sha1) == [digest(1), digest(2)].map { "sha1 of \($0.hex)" })
        #expect(first.metadata.author == "<a@b.example> & ü")
        #expect(first.requestInspection["deb"]?.annotations["n"] == [1])
        #expect(first.judgements.map(\.number) == [1, 6])
        #expect(first.judgements.map(\.url) == ["https://a.example:443/1", "https://a.example:443/6"])
        #expect(first.downloads[0].requestHeader == ["User-Agent": ["test"]])
        #expect(report.totals.exchanges == 6)
        #expect(report.totals.artifacts == 2)
        #expect(report.totals.downloads == 3)
        #expect(report.totals.responses == 1)
        #expect(report.totals.refusedRequests == 1)
        #expect(report.totals.failedTransfers == 1)
        #expect(report.totals.size == 14)
        #expect(report.totals.delivered == 38)
    }

    @Test func oneRejectedDeliveryRejectsTheArtifact() throws {
        func result(_ policy: SessionPolicy, _ uses: [(ExchangeRow.Result?, Int64)]) throws -> String {
            records.rows = []
            for (result, delivered) in uses {
                try add(.artifact, digest: digest(1), delivered: delivered, result: result, judged: "Unknown")
            }
            return try #require(try report(try session(policy)).artifacts.first).result
        }
        #expect(try result(.permissive, [(.approved, 7), (.rejected, 7)]) == "Rejected")
        // A 304 delivers without a byte.
        #expect(try result(.permissive, [(.approved, 7), (.rejected, 0)]) == "Rejected")
        #expect(try result(.strict, [(.approved, 7), (.rejected, 0)]) == "Approved")
        #expect(try result(.strict, [(.approved, 7), (.rejected, 1)]) == "Rejected")
        #expect(try result(.strict, [(.rejected, 0)]) == "Rejected")
        #expect(try result(.strict, [(.approved, 7), (nil, 0)]) == "Unknown")
        #expect(try result(.permissive, [(nil, 7), (.rejected, 7)]) == "Rejected")
        #expect(try result(.permissive, [(.approved, 7), (.unknown, 7)]) == "Unknown")
    }

    @Test func whatIsUnfinishedIsNamed() throws {
        try add(.artifact, digest: digest(1), result: nil)
        let session = try session(revoked: nil, incomplete: "the machine was restarted")
        let report = try report(session)
        #expect(!report.recordComplete)
        #expect(report.state == "active")
        #expect(report.incomplete.map(\.reason) == ["the machine was restarted", "the inspection has not ended"])
        #expect(report.incomplete.map(\.number) == [nil, 1])
        #expect(report.incomplete[1].url == "https://a.example:443/1")
        let artifact = try #require(report.artifacts.first)
        #expect(artifact.result == "Unknown")
        #expect(artifact.metadata.sha256 == digest(1).hex)
        #expect(artifact.metadata.size == 7)
        #expect(artifact.metadata.sha1 == "sha1 of \(digest(1).hex)")
        #expect(artifact.requestInspection.isEmpty)
    }

    @Test func aSessionThatWasNeverRevokedEndsWhenItIsFinished() throws {
        var finishing = context
        let row = try session(revoked: nil)
        let open = try JSONValue(parsing: try head(row, finishing).json)
        #expect(open["end-time"] == "0001-01-01T00:00:00Z")
        finishing.finished = WallTime(seconds: 2_000_000_001)
        let finished = try JSONValue(parsing: try head(row, finishing).json)
        #expect(finished["end-time"] == "2033-05-18T03:33:21.000000000Z")
    }

    @Test func anArtifactWhoseSHA1IsNotKnownIsNamed() throws {
        for number in 1...3 as ClosedRange<UInt64> {
            try add(.artifact, digest: digest(number), result: .approved, judged: "Approved")
        }
        var context = context
        let known = digest(2)
        context.sha1 = { _, digest in digest == known ? .known("22", read: 0) : .unknown(reason: "it is gone") }
        let report = try JSONDecoder().decode(SessionReport.self, from: Data(try bytes(try session(), context)))
        #expect(report.artifacts.map(\.metadata.sha1) == ["", "22", ""])
        #expect(report.incomplete.map(\.sha256) == [digest(1).hex, digest(3).hex])
        #expect(report.incomplete.first?.reason == "the artifact's SHA-1 is not known: it is gone")
        #expect(report.recordComplete)
    }

    @Test func onlySoManyAreNamed() throws {
        for number in 1...1_002 as ClosedRange<UInt64> {
            try add(.artifact, digest: digest(number), result: .approved)
        }
        var context = context
        context.sha1 = { _, _ in .unknown(reason: "it is gone") }
        let report = try JSONDecoder().decode(SessionReport.self, from: Data(try bytes(try session(), context)))
        #expect(report.incomplete.count == 1_001)
        #expect(report.incomplete.last?.reason == "the SHA-1 of more artifacts is not known than are named here")
        #expect(report.incomplete.last?.sha256 == "")
    }

    @Test func theSHA1OfAnOlderRecordIsNotLookedUp() throws {
        try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        let old = String(decoding: records.rows[0].judgement, as: UTF8.self)
        records.rows[0].judgement = Array(old.replacing("\"sha1\":\"\"", with: "\"sha1\":\"0123\"").utf8)
        var context = context
        context.sha1 = { _, _ in
            Issue.record("it was looked up")
            return .unknown(reason: "it is gone")
        }
        let report = try JSONDecoder().decode(SessionReport.self, from: Data(try bytes(try session(), context)))
        #expect(report.artifacts.map(\.metadata.sha1) == ["0123"])
        #expect(report.incomplete.isEmpty)
    }

    @Test func readersDoNotWaitForAllThatIsRead() throws {
        for number in 1...6 as ClosedRange<UInt64> { try add(.artifact, digest: digest(number), result: .approved) }
        var context = context
        context.sha1 = { _, _ in .known("22", read: SessionReportStream.mostRead / 2) }
        var stream = SessionReportStream(session: try session(), records: records, context: context)
        var counts: [Int] = []
        while let piece = try stream.next() {
            counts.append(String(decoding: piece, as: UTF8.self).count(of: "\"judgements\":["))
        }
        #expect(counts == [2, 2, 2, 0])
    }

    @Test func aLongReportComesInPieces() throws {
        for index in 0..<600 {
            try add(.artifact, digest: digest(UInt64(index % 450)), result: .approved, judged: "Approved", padding: 500)
            try add(.response, padding: 500)
        }
        var stream = SessionReportStream(session: try session(), records: records, context: context)
        var json: [UInt8] = []
        while let piece = try stream.next() {
            #expect(piece.count <= 64 << 10)
            json += piece
        }
        #expect(records.longestPage <= 200)
        let report = try JSONDecoder().decode(SessionReport.self, from: Data(json))
        #expect(report.artifacts.count == 450)
        #expect(report.responses.count == 600)
        #expect(report.artifacts.flatMap(\.downloads).count == 600)
        #expect(try bytes(try session()) == json)
    }

    @Test func anArtifactOfManyUsesIsReadPageByPage() throws {
        for index in 0..<3_001 {
            let judged: String? = index == 700 ? "Approved" : nil
            try add(.artifact, digest: digest(1), result: index == 2_999 ? .rejected : .approved, judged: judged)
        }
        var stream = SessionReportStream(session: try session(), records: records, context: context)
        var json: [UInt8] = []
        while let piece = try stream.next() {
            #expect(piece.count <= 64 << 10)
            json += piece
            // What is recorded while the report is read does not make it endless.
            if records.rows.count < 3_050 { try add(.artifact, digest: digest(1), result: .approved) }
        }
        #expect(records.longestPage <= 200)
        let artifact = try #require(try JSONDecoder().decode(SessionReport.self, from: Data(json)).artifacts.first)
        #expect(artifact.downloads.map(\.number) == Array(1...3_001))
        #expect(artifact.judgements.map(\.number) == Array(1...3_001))
        #expect(artifact.result == "Rejected")
        #expect(artifact.metadata.name == "Approved one")
    }

    @Test func aFailingReadEndsTheReportWithAnError() throws {
        try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        try add(.response)
        for page in 1... {
            records.pages = 0
            records.failsAtPage = page
            var stream = SessionReportStream(session: try session(), records: records, context: context)
            do throws(StoreError) {
                while try stream.next() != nil {}
                #expect(page > 5)
                break
            } catch {
                #expect(error.kind == .unavailable)
            }
        }
    }

    @Test func damagedRowsLeaveTheReportReadable() throws {
        try add(.artifact, digest: digest(1), result: .approved)
        for garbage in ["", "{", "{\"a\"", "{\"a\":", "[1]", "{\"metadata\":}", "{\"a\":1}x"] {
            records.rows[0].judgement = Array(garbage.utf8)
            let report = try report(try session())
            #expect(report.artifacts.first?.metadata.sha256 == digest(1).hex, "\(garbage)")
        }
        records.rows[0].download = []
        #expect(try report(try session()).artifacts.first?.downloads.first?.number == 1)
        records.rows[0].download = Array("{}".utf8)
        #expect(try report(try session()).artifacts.first?.downloads.first?.number == 1)
    }

    // MARK: Files of the spool

    @Test func filesAreIndentedByTabs() throws {
        try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        let stream = try ArtifactReportStream(
            session: try session(), digest: digest(1), records: records, context: context)
        var file = ArtifactFileStream(stream)
        var json: [UInt8] = []
        while let piece = try file.next() { json += piece }
        let text = String(decoding: json, as: UTF8.self)
        #expect(
            text.hasPrefix("{\n\t\"artifact-metadata-version\": \"0.3\",\n\t\"request-inspection\": {\n\t\t\"deb\": {"))
        #expect(text.contains("\"reason\": \"a, \\\"b\\\" }\","))
        #expect(text.hasSuffix("\n}\n"))
        let artifact = try JSONDecoder().decode(ReportedArtifact.self, from: Data(json))
        #expect(artifact.downloads.count == 1)
        #expect(artifact.metadata.sha1 == "sha1 of \(digest(1).hex)")
        let keys = String(decoding: try head(try session(), context).json, as: UTF8.self)
        #expect(keys.hasPrefix("{\n\t\"generator\": "))
        #expect(!keys.contains("artifacts"))
    }

    @Test func indentingDoesNotDependOnThePieces() {
        let json = Array(#"{"a":[],"b":{},"c":[1,{"d":"x,{}[]:\"\\"}],"e":"\\"}"#.utf8)
        var whole = JSONIndenter()
        let expected = whole.indented(json)
        for cut in json.indices {
            var indenter = JSONIndenter()
            #expect(indenter.indented(Array(json[..<cut])) + indenter.indented(Array(json[cut...])) == expected)
        }
        #expect(
            String(decoding: expected, as: UTF8.self).hasPrefix("{\n\t\"a\": [],\n\t\"b\": {},\n\t\"c\": [\n\t\t1,"))
    }

    // MARK: Secrets

    private func add(secret: Int?, unused: String? = nil) throws {
        let number = try add(.artifact, digest: digest(1), result: .approved, judged: "Approved")
        var members: [String: JSONValue] = ["url": "https://a.example:443/x"]
        members["secret"] = secret.map { .integer(Int64($0)) }
        members["secret-unused"] = unused.map(JSONValue.string)
        records.rows[Int(number) - 1].download = JSONValue.object(members).json
    }

    @Test func secretsAreListedWithTheirUses() throws {
        var row = try session()
        row.secrets = [
            SecretRow(type: .basicAuth, url: "https://a.example:443/**"),
            SecretRow(type: .macaroon, url: "http://a.example/**"),
            SecretRow(type: .macaroon, url: "https://b.example/**"),
            SecretRow(type: .keystoneV3, url: "http://id.example/**", allowsHTTP: true),
        ]
        for _ in 0..<250 { try add(secret: 0) }
        try add(secret: nil)
        try add(secret: 3)
        try add(secret: 3, unused: "the body is no JSON")
        try add(secret: 4)
        let json = try JSONValue(parsing: try bytes(row))
        #expect(
            json["secrets"] == [
                ["index": 0, "type": "basic-auth", "url": "https://a.example:443/**", "uses": 250],
                [
                    "index": 1, "type": "macaroon", "url": "http://a.example/**", "uses": 0,
                    "reason": "no request matched: without allow-http: true none over plain http does",
                ],
                [
                    "index": 2, "type": "macaroon", "url": "https://b.example/**", "uses": 0,
                    "reason": "no request matched the url",
                ],
                [
                    "index": 3, "type": "keystone-v3", "url": "http://id.example/**", "uses": 1, "unused": 1,
                    "allow-http": true,
                ],
            ])
        #expect(try JSONValue(parsing: try head(row, context).json)["secrets"] == json["secrets"])
        let report = try report(row)
        #expect(report.secrets.map(\.uses) == [250, 0, 0, 1] && report.secrets[3].allowsHTTP)
        #expect(report.secrets[2].reason == "no request matched the url")
        let downloads = report.artifacts[0].downloads
        #expect(downloads[0].secret == 0 && downloads[250].secret == nil)
        #expect(downloads[252].secretUnused == "the body is no JSON")
    }

    @Test func aSessionWithoutSecretsSaysNothingOfThem() throws {
        try add(secret: 0)
        #expect(try JSONValue(parsing: try bytes(try session()))["secrets"] == nil)
    }
}

extension String {
    /// How often a text is in this one.
    fileprivate func count(of text: String) -> Int { ranges(of: text).count }
}
