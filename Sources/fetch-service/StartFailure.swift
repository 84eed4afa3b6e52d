/// Why the service cannot start or go on, with the exit status that says so to whoever started it.
struct StartFailure: Error, CustomStringConvertible {
    /// 1, 2 for the control port, or 128 and the number of a signal that came meanwhile.
    var status: Int32
    var description: String
    /// What else is wrong; for lines of its own in the log.
    var others: [String] = []

    /// The options, the log, the certificates, the configuration, the state folder or the proxy's port.
    static func service(_ what: String) -> StartFailure { StartFailure(status: 1, description: what) }

    /// The same for each of several faults.
    static func service(_ topic: String, _ faults: ConfigurationFaults) -> StartFailure {
        let lines = faults.faults.map { "\(topic): \($0)" }
        return StartFailure(status: 1, description: lines.first ?? topic, others: Array(lines.dropFirst()))
    }

    /// The control API's port.
    static func server(_ what: String) -> StartFailure { StartFailure(status: 2, description: "server error: \(what)") }
}
