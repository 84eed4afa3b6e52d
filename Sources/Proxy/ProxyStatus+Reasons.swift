import Relay
import Storage
import Wire

extension ProxyStatus.Failure {
    /// Why an answer is our own (RFC 9209, section 2.3), where nothing more exact is known.
    ///
    /// `nil` for what is made from the origin's answer or from a stored one: 412, 416, and bodies left out.
    init?(status: Int, category: ExchangeRow.Category) {
        switch (category, status) {
        case (.response, _): return nil
        case (.refusal, 403): self = .requestDenied
        case (_, 400..<500): self = .requestError(status: status)
        case (_, 502): self = .protocolError
        case (_, 504): self = .responseTimeout
        case (_, 508): self = .loopDetected
        default: self = .internalError
        }
    }

    /// Why an origin could not be asked or did not answer; `hasBegun` tells that its answer broke off.
    init(_ error: OriginError, hasBegun: Bool) {
        self =
            switch error.kind {
            case .refusedDestination: .destinationProhibited
            case .resolution: .dnsError()
            // None of its addresses took the connection.
            case .connectFailed, .proxyRefused: .connectionRefused
            case .connectTimeout: .connectionTimeout
            case .tls: .tlsProtocolError
            case .malformed: .protocolError
            case .closedEarly: hasBegun ? .responseIncomplete : .connectionTerminated
            case .timeout: .responseTimeout
            case .loopDetected: .loopDetected
            }
    }
}
