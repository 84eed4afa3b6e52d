internal import Platform

/// Writes `docs/metrics.md` from the table of metrics; a test compares.
package enum MetricsDocumentation {
    /// The whole file.
    package static var text: String {
        var text = """
            # Metrics

            `GET /metrics` of the control API, with the administrator's credentials, gives these numbers in the text \
            format of Prometheus (0.0.4). This file is written from the table in `Sources/Control/Metrics/Metric.swift`; \
            after a change there, `FETCH_SERVICE_WRITE_DOCS=1 swift test --filter MetricsDocumentationTests` writes it \
            again.

            A label takes only the values that are listed here, so that the number of series is bounded whatever clients \
            do. Counters begin at 0 when the service starts. The first bucket of a histogram goes to \
            \(Int(((DurationCounts.bounds.first ?? 0) * 1_000_000).rounded())) µs, each further one twice as far, the \
            last but one to \(DurationCounts.bounds.last ?? 0) s.

            ```yaml
            scrape_configs:
              - job_name: fetch-service
                basic_auth: { username: admin, password_file: /etc/prometheus/fetch-service }
                static_configs: [{ targets: ["fetch.example:9999"] }]
            ```

            `GET /healthz` is 200 `ok` as long as the service serves; `GET /readyz` is 200 `ready`, or 503 with the \
            reasons, one in each line. Neither needs credentials, and neither names a session.

            | Metric | Kind | Labels | Meaning |
            |---|---|---|---|

            """
        for metric in Metric.allCases {
            let row = metric.row
            let labels = row.labels.map { label in
                label.values.isEmpty ? "`\(label.name)`" : "`\(label.name)`: \(label.values.joined(separator: ", "))"
            }
            let kind = row.unit.isEmpty ? row.kind.rawValue : "\(row.kind.rawValue), \(row.unit)"
            text += "| `\(row.name)` | \(kind) | \(labels.joined(separator: "; ")) | \(row.help) |\n"
        }
        return text
    }
}
