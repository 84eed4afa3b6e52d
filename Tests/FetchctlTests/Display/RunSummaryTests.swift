import Foundation
import Testing

@testable import fetchctl

@Suite struct RunSummaryTests {
    static let report = """
        {"generator":"fetch-service 0.1.0","session-id":"0f3a","policy":"permissive","state":"revoked",
         "record-complete":true,"incomplete":[{"number":9,"url":"http://o.example/slow","reason":"not ended"}],
         "artifacts":[
          {"result":"Approved","metadata":{"type":"application/x-wheel+zip","sha256":"aa","size":100,"name":"six",
            "version":"1.16"},
           "downloads":[
            {"url":"https://o.example:443/six.whl","source":"network","size":100,"delivered":100,"duration-ns":900},
            {"url":"https://o.example:443/six.whl","source":"cache","size":100,"delivered":100,"duration-ns":100},
            {"url":"https://o.example:443/six.whl","source":"joined","size":100,"delivered":100,"duration-ns":50}]},
          {"result":"Rejected","metadata":{"type":"text/html","sha256":"bb","size":7,"name":"","version":""},
           "response-inspection":{"default":{"opinion":"Rejected","reason":"nobody vouches"},
             "deb":{"opinion":"Unknown","reason":"no deb"}},
           "judgements":[{"number":2,"url":"x","result":"Rejected",
             "response-inspection":{"default":{"opinion":"Rejected","reason":"nobody vouches"}}}],
           "downloads":[{"url":"https://o.example:443/simple/six/index?x=/y","source":"revalidated","size":7,
             "delivered":5,"duration-ns":10,"fill-duration-ns":1010}]}],
         "responses":[{"url":"http://o.example/a","status-code":404,"source":"network","delivered":3},
          {"url":"http://o.example/b","status-code":404,"source":"network","delivered":4}],
         "refused-requests":[{"url":"http://127.0.0.1/","reason":"loopback destination","source":"none"}],
         "failed-transfers":[
          {"url":"http://o.example/cut","truncated":true,"reason":"the session was revoked","source":"network",
           "delivered":10},
          {"url":"http://o.example/dead","status":"502 Bad Gateway","source":"none"}]}
        """

    @Test func aReportIsReducedToWhatAPersonReads() throws {
        let summary = try RunSummary(reportJSON: Data(Self.report.utf8))
        #expect(
            summary.artifacts == [
                .init(
                    name: "six", version: "1.16", type: "application/x-wheel+zip", size: 100, sha256: "aa",
                    sources: [.network, .cache, .shared], verdict: "Approved", objections: []),
                .init(
                    name: "index", version: "", type: "text/html", size: 7, sha256: "bb", sources: [.cache],
                    verdict: "Rejected", objections: ["default: nobody vouches"]),
            ])
        #expect(
            summary.problems == [
                .init(kind: "refused", url: "http://127.0.0.1/", reason: "loopback destination"),
                .init(kind: "truncated", url: "http://o.example/cut", reason: "the session was revoked"),
                .init(kind: "failed", url: "http://o.example/dead", reason: "502 Bad Gateway"),
            ])
        #expect(summary.otherAnswers == [404: 2])
        #expect(summary.bytesFromNetwork == 117)
        #expect(summary.bytesFromCache == 205)
        #expect(summary.savedNanoseconds == 1800)
        #expect(summary.unfinished == ["http://o.example/slow"])
        #expect(summary.incompleteness == nil)
    }

    @Test func nothingIsSaidToBeSavedThatNobodyMeasured() throws {
        let report = """
            {"artifacts":[{"metadata":{"sha256":"aa","size":5},
              "downloads":[{"url":"http://o.example/x","source":"cache","delivered":5,"duration-ns":1}]}]}
            """
        let summary = try RunSummary(reportJSON: Data(report.utf8))
        #expect(summary.savedNanoseconds == nil)
        #expect(summary.bytesFromCache == 5)
        #expect(summary.artifacts.first?.verdict == "Unknown")
    }

    @Test(arguments: [
        ("permissive", "Unknown", "Unvouched"), ("permissive", "Rejected", "Rejected"),
        ("strict", "Unknown", "Rejected"),
    ])
    func aDeliveredFileThatNobodyObjectsToIsNotCalledRejected(_ policy: String, _ opinion: String, _ verdict: String)
        throws
    {
        let report = """
            {"policy":"\(policy)","artifacts":[{"result":"Rejected","metadata":{"sha256":"aa","size":5},
              "response-inspection":{"default":{"opinion":"\(opinion)","reason":"x"}}}]}
            """
        #expect(try RunSummary(reportJSON: Data(report.utf8)).artifacts.first?.verdict == verdict)
    }

    @Test(arguments: [
        ("https://o.example:443/a/b.tar.gz?x=/y", "b.tar.gz"), ("http://o.example/", "o.example"), ("", ""),
        ("http://o.example/binary-amd64/by-hash/SHA256/0123456789abcdef0123456789abcdef", "binary-amd64"),
        ("http://o.example/0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
    ])
    func aFileWithoutANameIsCalledAsInItsURL(_ url: String, _ name: String) throws {
        let report = """
            {"artifacts":[{"metadata":{"sha256":"aa","size":5},"downloads":[{"url":"\(url)"}]}]}
            """
        #expect(try RunSummary(reportJSON: Data(report.utf8)).artifacts.first?.name == name)
    }

    @Test func anIncompleteRecordSaysWhy() throws {
        let report = #"{"artifacts":[],"record-complete":false,"incomplete":["the machine was restarted"]}"#
        let summary = try RunSummary(reportJSON: Data(report.utf8))
        #expect(summary.incompleteness == "the machine was restarted")
        #expect(summary.unfinished.isEmpty)
    }

    @Test(arguments: ["", "null", "[]", "{\"artifacts\":3}", "{\"artifacts\":["])
    func whatIsNoReportIsAnError(_ text: String) {
        #expect(throws: ServiceError.self) { try RunSummary(reportJSON: Data(text.utf8)) }
    }

    @Test func theSummaryAsJSONIsOneLine() throws {
        let json = try RunSummary(reportJSON: Data(Self.report.utf8)).json()
        #expect(!json.contains("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["bytes-from-cache"] as? Int == 205)
        #expect((object["artifacts"] as? [[String: Any]])?.count == 2)
    }
}
