/// The schemes that the proxy speaks.
package enum Scheme: String, Sendable, Hashable, CaseIterable {
    case http
    case https

    package var defaultPort: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        }
    }
}
