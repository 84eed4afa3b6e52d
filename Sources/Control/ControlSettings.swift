/// How the control API behaves.
package struct ControlSettings: Sendable {
    /// The one user that may administer.
    package var user: String
    /// Its password.
    package var password: String
    /// Host names, besides `localhost` and addresses, under which the API may be reached.
    package var names: Set<String>
    /// The state folder, as revocations tell it.
    package var spoolPath: String
    /// How long a client may take for a request.
    package var readTimeout = Duration.seconds(30)
    /// The largest request body in bytes.
    package var largestBody = 1 << 20
    /// Connections at one time; more are closed at once.
    package var mostConnections = 512
    /// How long a report waits for inspections.
    package var inspectionWait = Duration.seconds(20)
    /// The answer to the first failed login of an address comes so much later, then twice that, and so on.
    package var loginDelay = Duration.milliseconds(100)
    /// The answer to a failed login never comes later than this.
    package var longestLoginDelay = Duration.seconds(2)

    /// Makes settings.
    package init(user: String, password: String, names: Set<String> = [], spoolPath: String) {
        self.user = user
        self.password = password
        self.names = Set(names.map { $0.lowercased() })
        self.spoolPath = spoolPath
    }
}
