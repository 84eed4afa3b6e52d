import Wire

/// Where a control API is: host and port from an `http` URL.
struct ControlEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// The port of a service that was started without `--control-port`.
    static let defaultPort: UInt16 = 9999

    let authority: Authority

    /// Reads `http://HOST[:PORT][/]`; without a port it is ``defaultPort``, as that of the service, not 80.
    ///
    /// - Throws: ``ServiceError`` saying what is wrong with the URL.
    init(_ url: String) throws(ServiceError) {
        guard url.hasPrefix("http://") else {
            let hint = url.hasPrefix("https://") ? "; the control API speaks plain http, so tunnel it if it is far" : ""
            throw ServiceError("\(Shown.text(url)) is not a URL of the form http://HOST:PORT\(hint)")
        }
        var rest = url.dropFirst("http://".count)
        if rest.hasSuffix("/") { rest.removeLast() }
        guard !rest.contains("@") else {
            throw ServiceError("leave the credentials out of the service's URL and put them into FETCH_SERVICE_AUTH")
        }
        do {
            authority = try Authority(parsing: String(rest), defaultPort: Self.defaultPort)
        } catch {
            throw ServiceError("\(Shown.text(url)) is not a URL of the form http://HOST:PORT")
        }
    }

    /// The URL without a path.
    var description: String { "http://\(authority.text)" }
}
