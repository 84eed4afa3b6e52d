/// What a proxy has to say about an answer, in `Proxy-Status` (RFC 9209).
package struct ProxyStatus: Sendable, Equatable {
    /// Why there is no proper answer; nil when the origin's answer is passed on.
    package var error: Failure?
    /// The status that came from the next hop, where the client sees another one (section 2.1.5).
    package var receivedStatus: Int?
    /// The host that was asked; leave it out where it would tell about inner networks.
    package var nextHop: String?
    /// The reason for people, without anything secret.
    package var details: String?

    package init(
        _ error: Failure? = nil, receivedStatus: Int? = nil, nextHop: String? = nil, details: String? = nil
    ) {
        self.error = error
        self.receivedStatus = receivedStatus
        self.nextHop = nextHop
        self.details = details
    }

    /// The error types of section 2.3.
    package enum Failure: Sendable, Equatable, Hashable {
        case dnsTimeout
        /// With the name of the DNS response code, if one came.
        case dnsError(rcode: String? = nil)
        case destinationNotFound
        case destinationUnavailable
        case destinationProhibited
        case destinationUnroutable
        case connectionRefused
        case connectionTerminated
        case connectionTimeout
        case connectionReadTimeout
        case connectionWriteTimeout
        case connectionLimitReached
        case tlsProtocolError
        case tlsCertificateError
        /// With the number of the alert.
        case tlsAlertReceived(Int? = nil)
        /// Our answer to a client's mistake; with its status.
        case requestError(status: Int)
        case requestDenied
        case responseIncomplete
        case responseHeadTooLarge
        case responseBodyTooLarge
        case responseTrailersTooLarge
        /// With the coding that is not known.
        case responseTransferCoding(String? = nil)
        /// With the coding that could not be undone.
        case responseContentCoding(String? = nil)
        case responseTimeout
        case upgradeFailed
        case protocolError
        case internalResponse
        case internalError
        case configurationError
        case loopDetected

        /// The registered name.
        package var name: String { row.name }

        /// One of each type, for lists of them.
        private static let all: [Failure] = [
            .dnsTimeout, .dnsError(), .destinationNotFound, .destinationUnavailable, .destinationProhibited,
            .destinationUnroutable, .connectionRefused, .connectionTerminated, .connectionTimeout,
            .connectionReadTimeout, .connectionWriteTimeout, .connectionLimitReached, .tlsProtocolError,
            .tlsCertificateError, .tlsAlertReceived(), .requestError(status: 400), .requestDenied,
            .responseIncomplete, .responseHeadTooLarge, .responseBodyTooLarge, .responseTrailersTooLarge,
            .responseTransferCoding(), .responseContentCoding(), .responseTimeout, .upgradeFailed, .protocolError,
            .internalResponse, .internalError, .configurationError, .loopDetected,
        ]

        /// The registered names of all types.
        package static let names = all.map(\.name)

        /// Its place in ``names``.
        package var index: Int {
            guard let index = Self.names.firstIndex(of: name) else { preconditionFailure("the list has every type") }
            return index
        }

        /// The status that section 2.3 recommends; nil where it depends on the answer.
        package var recommendedStatus: Int? { row.status }

        private var row: (name: String, status: Int?) {
            switch self {
            case .dnsTimeout: ("dns_timeout", 504)
            case .dnsError: ("dns_error", 502)
            case .destinationNotFound: ("destination_not_found", 500)
            case .destinationUnavailable: ("destination_unavailable", 503)
            case .destinationProhibited: ("destination_ip_prohibited", 502)
            case .destinationUnroutable: ("destination_ip_unroutable", 502)
            case .connectionRefused: ("connection_refused", 502)
            case .connectionTerminated: ("connection_terminated", 502)
            case .connectionTimeout: ("connection_timeout", 504)
            case .connectionReadTimeout: ("connection_read_timeout", 504)
            case .connectionWriteTimeout: ("connection_write_timeout", 504)
            case .connectionLimitReached: ("connection_limit_reached", 503)
            case .tlsProtocolError: ("tls_protocol_error", 502)
            case .tlsCertificateError: ("tls_certificate_error", 502)
            case .tlsAlertReceived: ("tls_alert_received", 502)
            case .requestError(let status): ("http_request_error", status)
            case .requestDenied: ("http_request_denied", 403)
            case .responseIncomplete: ("http_response_incomplete", 502)
            case .responseHeadTooLarge: ("http_response_header_section_size", 502)
            case .responseBodyTooLarge: ("http_response_body_size", 502)
            case .responseTrailersTooLarge: ("http_response_trailer_section_size", 502)
            case .responseTransferCoding: ("http_response_transfer_coding", 502)
            case .responseContentCoding: ("http_response_content_coding", 502)
            case .responseTimeout: ("http_response_timeout", 504)
            case .upgradeFailed: ("http_upgrade_failed", 502)
            case .protocolError: ("http_protocol_error", 502)
            case .internalResponse: ("proxy_internal_response", nil)
            case .internalError: ("proxy_internal_error", 500)
            case .configurationError: ("proxy_configuration_error", 500)
            case .loopDetected: ("proxy_loop_detected", 502)
            }
        }

        fileprivate func appendParameters(to writer: inout StatusWriter) {
            switch self {
            case .dnsError(let rcode?): writer.string("rcode", rcode)
            case .tlsAlertReceived(let alert?): writer.number("alert-id", Int64(alert))
            case .requestError(let status): writer.number("status-code", Int64(status))
            case .responseTransferCoding(let coding?), .responseContentCoding(let coding?):
                // The text comes from an origin; what is no token is left out.
                if StructuredSerialiser.isToken(coding) { writer.token("coding", coding) }
            default: break
            }
        }
    }

    /// Appends our member after those of proxies nearer to the origin.
    package func append(to fields: inout Fields, proxy: String) {
        written(proxy: proxy).append(to: &fields, "Proxy-Status")
    }

    /// The member.
    package func value(proxy: String) -> String { written(proxy: proxy).value }

    private func written(proxy: String) -> StatusWriter {
        var writer = StatusWriter(name: proxy)
        if let error {
            writer.token("error", error.name)
            error.appendParameters(to: &writer)
        }
        if let receivedStatus { writer.number("received-status", Int64(receivedStatus)) }
        if let nextHop { writer.string("next-hop", nextHop) }
        if let details { writer.string("details", details) }
        return writer
    }
}
