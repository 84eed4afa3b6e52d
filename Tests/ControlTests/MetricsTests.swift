import Core
import Glibc
import Platform
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct MetricsTests {
    @Test func namesAreAsPrometheusWantsThem() {
        let rows = Metric.allCases.map(\.row)
        #expect(Set(rows.map(\.name)).count == rows.count)
        for row in rows {
            #expect(row.name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }, "\(row.name)")
            #expect(row.name.hasPrefix("fetch_service_") || row.name.hasPrefix("process_"), "\(row.name)")
            #expect(row.name.hasSuffix("_total") == (row.kind == .counter), "\(row.name)")
            if !row.unit.isEmpty { #expect(row.name.contains("_\(row.unit)"), "\(row.name)") }
            if row.kind == .histogram { #expect(row.unit == "seconds") }
            #expect(row.help.hasSuffix(".") && !row.help.contains("|"), "\(row.name)")
            for label in row.labels { #expect(Set(label.values).count == label.values.count) }
        }
    }

    @Test func theTextIsThatOfPrometheus() {
        var snapshot = MetricsSnapshot()
        snapshot.set(.ready, to: 1)
        snapshot.set(.requests, "hit", to: 3)
        snapshot.set(.requests, "error", to: 4)
        snapshot.set(.handshakes, "origin", "full", to: 5)
        snapshot.set(.processTime, to: 0.25)
        snapshot.set(.build, "1.0 \"\\\n", to: 1)
        let text = MetricsText.of(snapshot)
        #expect(
            text.contains(
                "# TYPE fetch_service_requests_total counter\n"
                    + "fetch_service_requests_total{outcome=\"hit\"} 3\n"
                    + "fetch_service_requests_total{outcome=\"error\"} 4\n# HELP"))
        #expect(text.contains("\nfetch_service_tls_handshakes_total{side=\"origin\",result=\"full\"} 5\n"))
        #expect(text.contains("\nprocess_cpu_seconds_total 0.25\n"))
        #expect(text.contains("\nfetch_service_ready 1\n"))
        #expect(text.contains("\nfetch_service_build_info{version=\"1.0 \\\"\\\\\\n\"} 1\n"))
        #expect(!text.contains("fetch_service_fills_open"), "what has no number is left out")
    }

    @Test func theBucketsOfAHistogramHoldAllThatIsNotLonger() {
        let histogram = DurationHistogram()
        for nanoseconds in [10_000, 25_000, 26_000, 1_000_000_000, 1_000_000_000_000] {
            histogram.add(nanoseconds: nanoseconds)
        }
        var snapshot = MetricsSnapshot()
        snapshot.set(.firstByte, "hit", to: histogram.current)
        let lines = MetricsText.of(snapshot).split(separator: "\n").dropFirst(2).map(String.init)
        let name = "fetch_service_first_byte_seconds"
        #expect(lines.first == "\(name)_bucket{outcome=\"hit\",le=\"2.5e-05\"} 2")
        #expect(lines.contains("\(name)_bucket{outcome=\"hit\",le=\"5e-05\"} 3"))
        #expect(lines.contains("\(name)_bucket{outcome=\"hit\",le=\"104.8576\"} 4"))
        #expect(lines.contains("\(name)_bucket{outcome=\"hit\",le=\"+Inf\"} 5"))
        #expect(lines.suffix(2).first == "\(name)_sum{outcome=\"hit\"} 1001.000061")
        #expect(lines.last == "\(name)_count{outcome=\"hit\"} 5")
        #expect(lines.count == DurationCounts.bucketCount + 2)
    }

    @Test func theAdministratorGetsTheNumbers() async throws {
        var snapshot = MetricsSnapshot()
        snapshot.set(.requestsOpen, to: 42)
        let made = snapshot
        let observations = Observations(metrics: { made }, problems: { [] })
        try await ControlBench.run(observations: observations) { (bench) async throws in
            #expect(try await bench.probe.send("GET", "/metrics").status == 401)
            let reply = try await bench.asAdmin("GET", "/metrics")
            #expect(reply.status == 200 && reply.text.contains("fetch_service_requests_open 42\n"))
            #expect(reply.fields.first("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try await bench.asAdmin("POST", "/metrics").status == 405)
        }
    }

    @Test func healthNeedsNoCredentialsAndNamesNoSession() async throws {
        let problems = Lock<[String]>([])
        let observations = Observations(metrics: { MetricsSnapshot() }, problems: { problems.withLock { $0 } })
        try await ControlBench.run(observations: observations) { (bench) async throws in
            _ = try await bench.open()
            let health = try await bench.probe.send("GET", "/healthz")
            #expect(health.status == 200 && health.text == "ok")
            let ready = try await bench.probe.send("GET", "/readyz")
            #expect(ready.status == 200 && ready.text == "ready")
            problems.withLock { $0 = ["record: changes wait", "descriptors: all are in use"] }
            let wrong = try await bench.probe.send("GET", "/readyz")
            #expect(wrong.status == 503 && wrong.text == "record: changes wait\ndescriptors: all are in use")
            #expect(wrong.fields.first("Retry-After") == "5")
            #expect(try await bench.probe.send("GET", "/healthz").status == 200, "it serves all the same")
        }
    }

    @Test func watchingIsNoUse() async throws {
        let uses = Lock(0)
        try await ControlBench.run(onRequest: { uses.withLock { $0 += 1 } }) { (bench) async throws in
            for path in ["/metrics", "/healthz", "/readyz", "/", "/page/app.js"] {
                #expect(try await bench.asAdmin("GET", path).status == 200, "\(path)")
            }
            #expect(uses.withLock { $0 } == 0)
            #expect(try await bench.asAdmin("GET", "/status").status == 200)
            #expect(uses.withLock { $0 } == 1)
        }
    }
}

/// `docs/metrics.md` is written from the table of metrics.
@Suite struct MetricsDocumentationTests {
    @Test func theDocumentationIsThatOfTheTable() throws {
        let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/docs/metrics.md"
        if getenv("FETCH_SERVICE_WRITE_DOCS") != nil {
            try Kernel.replaceFile(path, with: Array(MetricsDocumentation.text.utf8), mode: 0o644)
        }
        let text = String(decoding: try Kernel.contents(of: path), as: UTF8.self)
        #expect(
            text == MetricsDocumentation.text,
            "write it with FETCH_SERVICE_WRITE_DOCS=1 swift test --filter MetricsDocumentationTests")
    }
}
