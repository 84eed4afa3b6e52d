import Wire

/// Host and port of the proxy.
struct ProxyAddress: Hashable, Sendable, CustomStringConvertible {
    /// The port of a service that was started without `--proxy-port`, and of one that does not tell.
    static let defaultPort: UInt16 = 9988

    let authority: Authority

    init(authority: Authority) { self.authority = authority }

    /// Reads `http://HOST:PORT[/]`.
    init(_ url: String) throws(ServiceError) {
        var rest = url[...]
        if rest.hasPrefix("http://") { rest = rest.dropFirst("http://".count) }
        if rest.hasSuffix("/") { rest.removeLast() }
        do {
            authority = try Authority(parsing: String(rest), defaultPort: Self.defaultPort)
        } catch {
            throw ServiceError("\(Shown.text(url)) is not a proxy of the form http://HOST:PORT")
        }
    }

    /// That of a service, at the port that it tells.
    ///
    /// - Throws: ``ControlError`` when it cannot be asked.
    init(of control: ControlClient) throws(ControlError) {
        authority = Authority(
            uncheckedHost: control.endpoint.authority.host, port: try control.status().proxyPort ?? Self.defaultPort)
    }

    var description: String { "http://\(authority.text)" }

    /// The URL that clients are given; `id` and `token` consist of letters and digits.
    func url(id: String, token: String) -> String { "http://\(id):\(token)@\(authority.text)/" }
}
