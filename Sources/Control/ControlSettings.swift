package import Core

/// How the control API behaves.
package struct ControlSettings: Sendable {
    /// How much `/status` tells those who have no credentials.
    package enum StatusDetail: String, Sendable, CaseIterable {
        /// The live sessions with their ids.
        case sessions
        /// Only how many there are.
        case counts
    }

    /// The one user that may administer.
    package var user: String
    /// Its password.
    package var password: String
    /// Host names, besides `localhost` and addresses, under which the API may be reached.
    package var names: Set<String>
    /// The state folder, as revocations tell it.
    package var spoolPath: String
    /// The port of the proxy, as `/status` tells it.
    package var proxyPort: UInt16 = 0
    /// Whether unknown keys, unknown policies and too long lifetimes are errors and no mere warnings (`strict-api`).
    package var isStrict = false
    /// How much `/status` tells (`control.status`).
    package var statusDetail = StatusDetail.sessions
    /// The networks from which one may administer (`control.admin-from`); none means from everywhere.
    package var administrators: [IPNetwork] = []
    /// How long a client may take for a request.
    package var readTimeout = Duration.seconds(30)
    /// How long a client may leave an answer that is being sent without taking enough of it (32 KiB).
    package var stallTimeout = Duration.seconds(30)
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
    /// Sessions that one page of `/sessions` has at most.
    package var longestPage = 500
    /// Transfers that `/transfers` and a live stream name at most.
    package var mostTransfers = 1000
    /// Listeners to live streams at one time.
    package var mostListeners = 64
    /// How often the record is asked for news while somebody listens.
    package var livePoll = Duration.milliseconds(250)
    /// How often the transfers are asked for while somebody listens.
    package var liveTransfers = Duration.seconds(1)
    /// How long the removal of a session waits until its listeners have been told the rest.
    package var lastNews = Duration.seconds(1)
    /// How long a live stream is silent at most.
    package var liveSilence = Duration.seconds(15)

    /// Makes settings.
    package init(user: String, password: String, names: Set<String> = [], spoolPath: String) {
        self.user = user
        self.password = password
        self.names = Set(names.map { $0.lowercased() })
        self.spoolPath = spoolPath
    }

    /// Whether one may administer from this address.
    func mayAdminister(from address: String) -> Bool {
        guard !administrators.isEmpty else { return true }
        guard let address = IPAddress(address)?.canonical else { return false }
        return administrators.contains { $0.contains(address) }
    }
}
