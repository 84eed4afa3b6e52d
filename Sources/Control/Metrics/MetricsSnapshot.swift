package import Platform

/// The numbers of the service at one moment, by metric.
package struct MetricsSnapshot: Sendable {
    /// One series of a metric.
    struct Sample: Sendable {
        /// The values of the metric's labels, in their order.
        var labels: [String]
        var value: Value
    }

    enum Value: Sendable {
        case whole(Int)
        case number(Double)
        case durations(DurationCounts)
    }

    private(set) var samples: [Metric: [Sample]] = [:]

    package init() {}

    /// Sets a whole number; `labels` are the values of the metric's labels, in their order.
    package mutating func set(_ metric: Metric, _ labels: String..., to value: Int) {
        add(metric, labels, .whole(value))
    }

    /// Sets a number.
    package mutating func set(_ metric: Metric, _ labels: String..., to value: Double) {
        add(metric, labels, .number(value))
    }

    /// Sets what a histogram has counted.
    package mutating func set(_ metric: Metric, _ labels: String..., to durations: DurationCounts) {
        add(metric, labels, .durations(durations))
    }

    private mutating func add(_ metric: Metric, _ labels: [String], _ value: Value) {
        let declared = metric.row.labels
        precondition(labels.count == declared.count, "\(metric) has other labels")
        for (label, text) in zip(declared, labels) {
            precondition(label.values.isEmpty || label.values.contains(text), "\(metric) has no \(label.name) \(text)")
        }
        samples[metric, default: []].append(Sample(labels: labels, value: value))
    }
}

/// What an operator may ask of the service.
package struct Observations: Sendable {
    /// The numbers as they are now.
    package var metrics: @Sendable () async throws -> MetricsSnapshot
    /// Why the service should get no work, one reason each, which name no session, URL or path; nothing when it is ready.
    ///
    /// Blocks.
    package var problems: @Sendable () -> [String]

    /// Names them.
    package init(
        metrics: @escaping @Sendable () async throws -> MetricsSnapshot, problems: @escaping @Sendable () -> [String]
    ) {
        self.metrics = metrics
        self.problems = problems
    }
}
