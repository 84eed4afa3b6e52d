/// Why the service cannot start or go on, with the exit status that says so to whoever started it.
struct StartFailure: Error, CustomStringConvertible {
    /// 1, or 2 for the control port.
    var status: Int32
    var description: String

    /// The options, the log, the certificates, the configuration, the state folder or the proxy's port.
    static func service(_ what: String) -> StartFailure { StartFailure(status: 1, description: what) }

    /// The control API's port.
    static func server(_ what: String) -> StartFailure { StartFailure(status: 2, description: "server error: \(what)") }
}
