import Platform

/// The two listening sockets, had before anything slow is done; nothing is accepted yet.
struct Ports: Sendable {
    let proxy: Listener
    let control: Listener
    /// Whether any of them was passed to us, so that there may be a predecessor that still uses the state folder.
    let areHandedOver: Bool

    /// Takes the sockets that were passed and binds what is missing.
    init(_ settings: ServiceSettings, passed: ManagerDescriptors = ManagerDescriptors()) throws(StartFailure) {
        areHandedOver = passed.haveSockets
        do {
            proxy = try passed.proxy ?? Self.listen(settings.proxyAddress, settings.proxyPort)
        } catch {
            throw .service("cannot start service: \(error)")
        }
        do {
            control = try passed.control ?? Self.listen(settings.controlAddress, settings.controlPort)
        } catch {
            throw .server("\(error)")
        }
    }

    private static func listen(_ address: String?, _ port: UInt16) throws(ListenError) -> Listener {
        guard let address, let place = SocketAddress(ip: address, port: port) else {
            return try Listener.allAddresses(port: port)
        }
        return try Listener(place)
    }
}
