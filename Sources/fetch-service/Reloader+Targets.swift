import Cache
import Core
import Cryptography
import Inspection
import Logging
import Platform
import Proxy
import Relay
import Sessions

extension Reloader.Targets {
    /// The parts of the service, each told what concerns it.
    ///
    /// - Parameters:
    ///   - proxy: Learns the address rules.
    ///   - addresses: Those of this machine, should they not be readable any more.
    ///   - ports: Those of the service.
    ///   - leaves: Learn the authority.
    ///   - inspectors: What sessions opened from then on begin with.
    ///   - registry: Learns what sessions may be like.
    ///   - cache: Learns its size.
    ///   - stopTimeout: How long transfers may go on after SIGTERM.
    ///   - file: What `fetchctl` is told.
    ///   - path: Where it is told that.
    ///   - log: The log.
    init(
        proxy: ProxyServer, addresses: [IPAddress], ports: Set<UInt16>, leaves: LeafCache,
        inspectors: Lock<InspectorsConfiguration>, registry: SessionRegistry, cache: ResponseCache,
        stopTimeout: Lock<Duration>, file: ServiceFile, path: String, log: Logger
    ) {
        self.init(
            policy: { policy in
                // The addresses may have changed meanwhile, too.
                let addresses = (try? LocalAddresses.current()) ?? addresses
                proxy.update(policy: policy.owning(addresses: addresses, ports: ports))
            },
            inspectors: { new in inspectors.withLock { $0 = new } },
            settings: { settings in
                registry.update(settings: settings.sessions)
                cache.update(sizeCap: settings.cache.sizeCap)
                stopTimeout.withLock { $0 = settings.stopTimeout }
                var file = file
                file.isPermissive = settings.sessions.allowsPermissive
                do throws(SystemError) {
                    try file.write(to: path)
                } catch {
                    log.error("\(path) cannot be written: \(error)")
                }
            },
            authority: { leaves.replace(authority: $0) })
    }
}
