import Core
import Platform
import Wire

/// A connection to an origin that is ready for a request, between and during exchanges; confined to its loop.
final class OriginChannel {
    let key: OriginKey
    let stream: ByteStream
    /// The addresses that the policy must allow: the peer, or what stands behind an upstream proxy, as far as we know it.
    let destinations: [IPAddress]
    /// Requests that it has served.
    var exchanges = 0

    init(key: OriginKey, stream: ByteStream, destinations: [IPAddress]) {
        self.key = key
        self.stream = stream
        self.destinations = destinations
    }

    /// Why the policy forbids its use.
    func refusal(by policy: DestinationPolicy) -> DestinationPolicy.Refusal? {
        for destination in destinations {
            if let refusal = policy.check(destination, port: key.authority.port) { return refusal }
        }
        return nil
    }
}
