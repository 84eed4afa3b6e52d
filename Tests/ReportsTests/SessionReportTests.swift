import Core
import FoundationEssentials
import ReportModel
import Testing

@Suite struct SessionReportTests {
    private func decode(_ json: String) throws -> SessionReport {
        try JSONDecoder().decode(SessionReport.self, from: Data(json.utf8))
    }

    @Test func aReportOfTheContractsFormIsRead() throws {
        let report = try decode(
            """
            {
              "generator": "fetch-service 9.9.9", "comment": "Format may change.",
              "session-id": "0f3a5c7e9b1d42468ace0f3a5c7e9b1d",
              "start-time": "2031-04-05T06:07:08.123456789Z", "end-time": "2031-04-05T06:37:08.5Z",
              "inspectors": ["snap", "apt.packages", "deb", "default"], "spool-path": "/spool/0f3a", "policy": "strict",
              "artifacts": [{
                "artifact-metadata-version": "0.3",
                "request-inspection": {"deb": {"opinion": "Pending", "reason": "looks like a pool URL",
                  "annotations": {"component": "main"}}},
                "response-inspection": {
                  "apt.packages": {"opinion": "Unknown", "reason": "listed",
                    "annotations": {"packages-size": 133000, "packages-is-valid": true, "dist": "noble"}},
                  "deb": {"opinion": "Approved", "reason": "parsed and vouched for"}},
                "result": "Approved",
                "metadata": {"type": "application/vnd.debian.binary-package", "sha1": "22", "sha256": "33",
                  "size": 133000, "name": "figlet", "version": "2.2.5-3", "vendor": "Example", "description": "Banners",
                  "author": "", "architecture": "amd64", "license": "BSD-3-Clause"},
                "downloads": [{
                  "start-time": "2031-04-05T06:08:00Z", "end-time": "2031-04-05T06:08:01.25Z", "method": "GET",
                  "url": "http://archive.example/ubuntu/pool/main/f/figlet/figlet_2.2.5-3_amd64.deb",
                  "address": "10.1.2.3:49152", "user-agent": "Debian APT-HTTP/1.3",
                  "request-header": {"User-Agent": ["Debian APT-HTTP/1.3"]}, "status-code": 200, "status": "200 OK",
                  "content-type": "application/x-debian-package", "response-header": {"Content-Length": ["133000"]}}]
              }]
            }
            """)
        #expect(report.policy == "strict")
        #expect(report.recordComplete)
        let artifact = try #require(report.artifacts.first)
        #expect(artifact.result == "Approved")
        #expect(artifact.responseInspection["apt.packages"]?.annotations["packages-size"] == 133_000)
        #expect(artifact.responseInspection["apt.packages"]?.annotations["packages-is-valid"] == true)
        #expect(artifact.metadata.architecture == "amd64")
        #expect(artifact.metadata.size == 133_000)
        let download = try #require(artifact.downloads.first)
        #expect(download.statusCode == 200)
        #expect(download.responseHeader == ["Content-Length": ["133000"]])
        #expect(download.number == 0)
        #expect(download.size == nil)
    }

    @Test func whatIsAbsentIsEmpty() throws {
        #expect(try decode("{}") == SessionReport())
        #expect(try decode("{\"artifacts\": null, \"totals\": null, \"future\": {\"a\": 1}}") == SessionReport())
        #expect(try decode("{\"artifacts\": [{}]}").artifacts == [ReportedArtifact()])
    }

    @Test func ourAdditionalKeysAreRead() throws {
        let report = try decode(
            """
            {"state": "active", "record-complete": false, "incomplete": ["a text", {"number": 4, "url": "u", "reason": "r"}],
             "refused-requests": [{"number": 3, "reason": "refused", "duration-ns": 12, "truncated": true, "source": "none",
               "request-body": {"size": 5, "sha256": "ab"}, "stands-for": "unknown", "delivered": 0,
               "request-inspection": {"deb": {"opinion": "Unknown"}}, "range": {"first": 1}}],
             "totals": {"exchanges": 9, "refused-requests": 1}}
            """)
        #expect(!report.recordComplete)
        #expect(report.incomplete == [ReportedGap(reason: "a text"), ReportedGap(number: 4, url: "u", reason: "r")])
        let refused = try #require(report.refusedRequests.first)
        #expect(refused.number == 3)
        #expect(refused.nanoseconds == 12)
        #expect(refused.isTruncated)
        #expect(refused.requestBody == ReportedBody(size: 5, sha256: "ab"))
        #expect(refused.standsFor == "unknown")
        #expect(refused.delivered == 0)
        #expect(refused.requestInspection["deb"]?.opinion == "Unknown")
        #expect(refused.range?["first"] == 1)
        #expect(report.totals.exchanges == 9)
    }

    @Test func reportsRoundTrip() throws {
        var report = SessionReport()
        report.sessionID = "s"
        report.artifacts = [ReportedArtifact()]
        report.artifacts[0].metadata.sourcePackage = "src"
        let again = try JSONDecoder().decode(SessionReport.self, from: try JSONEncoder().encode(report))
        #expect(again == report)
    }
}
