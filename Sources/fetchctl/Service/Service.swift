/// A service that `fetchctl` can work with: its control API, its proxy, and the certificate that it signs with.
struct Service: Sendable {
    /// Where its proxy listens, unless only the service itself can tell.
    var proxy: ProxyAddress?
    /// Path of the PEM file with its CA certificate.
    var authorityPath: String
    var control: ControlClient
}
