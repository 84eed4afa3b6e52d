import Platform

/// The two listening sockets, bound before anything slow is done; nothing is accepted yet.
struct Ports {
    let proxy: Listener
    let control: Listener

    init(_ options: ServiceOptions) throws(StartFailure) {
        do {
            proxy = try Self.listen(options.bind, options.proxyPort)
        } catch {
            throw .service("cannot start service: \(error)")
        }
        do {
            control = try Self.listen(options.bind, options.controlPort)
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
