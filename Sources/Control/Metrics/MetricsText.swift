internal import Platform

/// Writes numbers in the text format of Prometheus, version 0.0.4.
///
/// For each metric `# HELP` and `# TYPE`, then a line for each series. Of a histogram these are the buckets, which hold all
/// that is not longer than their bound, then the sum and the count.
///
/// - SeeAlso: prometheus.io, "Exposition formats".
enum MetricsText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text; a metric that the snapshot has no number of is left out.
    static func of(_ snapshot: MetricsSnapshot) -> String {
        var text = ""
        for metric in Metric.allCases {
            guard let samples = snapshot.samples[metric] else { continue }
            let row = metric.row
            text += "# HELP \(row.name) \(escaped(row.help))\n# TYPE \(row.name) \(row.kind.rawValue)\n"
            for sample in samples {
                let labels = zip(row.labels, sample.labels).map { "\($0.name)=\"\(escaped($1))\"" }
                switch sample.value {
                case .whole(let value): append(row.name, labels, "\(value)", to: &text)
                case .number(let value): append(row.name, labels, "\(value)", to: &text)
                case .durations(let counts): append(row.name, labels, counts, to: &text)
                }
            }
        }
        return text
    }

    private static func append(_ name: String, _ labels: [String], _ value: String, to text: inout String) {
        text += name
        if !labels.isEmpty { text += "{\(labels.joined(separator: ","))}" }
        text += " \(value)\n"
    }

    private static func append(
        _ name: String, _ labels: [String], _ counts: DurationCounts, to text: inout String
    ) {
        var sum = 0
        for (bound, count) in zip(DurationCounts.bounds.map { "\($0)" } + ["+Inf"], counts.buckets) {
            sum += count
            append("\(name)_bucket", labels + ["le=\"\(bound)\""], "\(sum)", to: &text)
        }
        append("\(name)_sum", labels, "\(Double(counts.nanoseconds) / 1_000_000_000)", to: &text)
        append("\(name)_count", labels, "\(sum)", to: &text)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
