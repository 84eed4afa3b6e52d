import Control
import Core
import Platform
import PlatformTesting
import RelayTesting
import Testing
import Wire

@testable import fetchctl

/// What the running service tells whoever watches it.
@Suite struct WatchingTests {
    /// A GET at the control port, as the administrator or as nobody.
    static func get(_ path: String, of service: LiveService, asAdministrator: Bool = false) throws -> SeenResponse {
        let connection = try BlockingConnection(port: service.controlPort, patience: .seconds(20))
        let credentials = Base64.encode(Array(LiveService.credentials.utf8))
        try connection.send(
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + (asAdministrator ? "Authorization: Basic \(credentials)\r\n" : "") + "\r\n")
        guard let answer = try connection.readResponse() else { throw SessionConnection.Ended() }
        return answer
    }

    /// The numbers by their names and labels.
    static func metrics(of service: LiveService) throws -> [String: Double] {
        let answer = try get("/metrics", of: service, asAdministrator: true)
        var numbers: [String: Double] = [:]
        for line in String(decoding: answer.body, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            guard let blank = line.lastIndex(of: " "), let value = Double(line[line.index(after: blank)...]) else {
                continue
            }
            numbers[String(line[..<blank])] = value
        }
        return numbers
    }

    @Test(.timeLimit(.minutes(2))) func everyMetricHasANumberFromTheStart() throws {
        let service = try LiveService()
        let answer = try Self.get("/metrics", of: service, asAdministrator: true)
        #expect(answer.head.status == 200)
        let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").map(String.init)
        let documented = MetricsDocumentation.text.split(separator: "\n").compactMap { line in
            line.hasPrefix("| `") ? String(line.dropFirst(3).prefix { $0 != "`" }) : nil
        }
        #expect(documented.count > 50)
        for name in documented {
            #expect(lines.contains { $0.hasPrefix("# HELP \(name) ") }, "\(name)")
            #expect(
                lines.contains {
                    $0.hasPrefix("\(name) ") || $0.hasPrefix("\(name){") || $0.hasPrefix("\(name)_bucket{")
                }, "\(name)")
        }
        let names = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        #expect(Set(names).count == names.count, "no series stands twice")
    }

    @Test(.timeLimit(.minutes(2))) func theNumbersFollowWhatIsDone() throws {
        let service = try LiveService()
        let origin = try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.respond(fields: ["Cache-Control": "max-age=1000"], body: SampleBytes.noise(200_000))
            }
        }
        let before = try Self.metrics(of: service)
        let session = try service.open()
        let connection = try SessionConnection(service, session)
        for _ in 0..<5 { #expect(try connection.get("/a", of: origin).body.count == 200_000) }
        var after: [String: Double] = [:]
        let hasCome = try eventually {
            after = try Self.metrics(of: service)
            return after["fetch_service_requests_total{outcome=\"hit\"}"] == 4
                && after["fetch_service_cache_blobs"] == 1 && after["fetch_service_journal_taken_rows_total"] == 5
        }
        #expect(hasCome, "\(after)")
        func grew(_ name: String, _ amount: Double) -> Bool { (after[name] ?? -1) - (before[name] ?? 0) == amount }
        #expect(grew("fetch_service_requests_total{outcome=\"miss\"}", 1))
        #expect(grew("fetch_service_requests_started_total", 5))
        #expect(grew("fetch_service_received_bytes_total", 200_000))
        #expect(grew("fetch_service_request_duration_seconds_count{outcome=\"hit\"}", 4))
        #expect(grew("fetch_service_sessions_opened_total", 1))
        #expect(after["fetch_service_sessions{policy=\"permissive\"}"] == 1)
        #expect((after["fetch_service_cache_bytes"] ?? 0) >= 200_000)
        #expect((after["fetch_service_sent_bytes_total{source=\"cache\"}"] ?? 0) > 800_000)
        #expect(after["fetch_service_ready"] == 1)
        let rows = ["journal", "commit"].map { after["fetch_service_record_rows_total{way=\"\($0)\"}"] ?? 0 }
        #expect(rows.reduce(0, +) == 5)
        #expect((after["process_open_fds"] ?? 0) > 5 && (after["process_cpu_seconds_total"] ?? 0) > 0)
    }

    @Test(.timeLimit(.minutes(2))) func readinessNeedsNoCredentials() throws {
        let service = try LiveService()
        let session = try service.open()
        for (path, text) in [("/healthz", "ok"), ("/readyz", "ready")] {
            let answer = try Self.get(path, of: service)
            #expect(answer.head.status == 200 && String(decoding: answer.body, as: UTF8.self) == text)
        }
        // The reserve of the record is gone, as when the disk was full and nobody has made room.
        try Kernel.unlinkIfPresent(service.folder.file("state/.store/records.reserve"))
        var answer: SeenResponse?
        let isUnready = try eventually {
            answer = try Self.get("/readyz", of: service)
            return answer?.head.status == 503
        }
        #expect(isUnready)
        let text = String(decoding: answer?.body ?? [], as: UTF8.self)
        #expect(text == "record: the disk is full, its reserve is used up")
        #expect(!text.contains(session.id.text))
        #expect(try Self.metrics(of: service)["fetch_service_ready"] == 0)
    }

    @Test(.timeLimit(.minutes(2))) func aServiceThatIsOnlyWatchedIsIdle() throws {
        let service = try LiveService(["--idle-shutdown", "1"])
        let deadline = MonotonicTime.now() + .seconds(60)
        var hasEnded = false
        while !hasEnded, MonotonicTime.now() < deadline {
            _ = try? Self.get("/metrics", of: service, asAdministrator: true)
            _ = try? Self.get("/readyz", of: service)
            hasEnded = service.process.end(atMost: .milliseconds(50)) == 0
        }
        #expect(hasEnded)
    }
}
