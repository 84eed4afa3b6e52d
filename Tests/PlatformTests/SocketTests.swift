import Glibc
import Platform
import PlatformTesting
import Testing

/// Waits until a descriptor is ready.
func wait(for fd: CInt, _ events: CInt = CInt(POLLIN)) {
    var entry = pollfd(fd: fd, events: Int16(events), revents: 0)
    _ = poll(&entry, 1, 10_000)
}

/// Connects to a listener and accepts.
func connection(to listener: Listener) throws -> DescriptorPair {
    let client = try Kernel.socket(ipv6: listener.address.isIPv6)
    let target =
        listener.address.isIPv6
        ? SocketAddress.loopback6(port: listener.address.port) : .loopback4(port: listener.address.port)
    let result = Kernel.connect(client.number, target)
    #expect(result == .inProgress || result == .connected)
    wait(for: listener.descriptor.raw)
    switch Kernel.accept4(listener.descriptor.raw) {
    case .accepted(let server, let peer):
        #expect(peer == Kernel.localAddress(client.number))
        wait(for: client.number, CInt(POLLOUT))
        #expect(Kernel.pendingError(client.number) == 0)
        return DescriptorPair(client, server)
    case .wouldBlock: throw SystemError(call: "accept4", code: EAGAIN)
    case .failed(let code): throw SystemError(call: "accept4", code: code)
    }
}

/// Receives until `count` bytes are there or the peer has ended.
func receive(_ fd: CInt, _ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { buffer.deallocate() }
    while bytes.count < count {
        wait(for: fd)
        guard case .count(let received) = Kernel.recv(fd, into: buffer), received > 0 else { break }
        bytes.append(contentsOf: buffer[..<received])
    }
    return bytes
}

@Suite(.timeLimit(.minutes(1))) struct SocketTests {
    @Test func addressesAreReadAndWritten() throws {
        let v4 = try #require(SocketAddress(ip: "192.0.2.7", port: 80))
        #expect(v4.text == "192.0.2.7:80" && !v4.isIPv6 && v4.bytes == [192, 0, 2, 7])
        let v6 = try #require(SocketAddress(ip: "2001:DB8::1", port: 443))
        #expect(v6.text == "[2001:db8::1]:443" && v6.isIPv6 && v6.bytes.count == 16)
        #expect(SocketAddress(ip: "example", port: 1) == nil)
        #expect(SocketAddress(ip: "[::1]", port: 1) == nil)
        #expect(SocketAddress(bytes: [1, 2, 3], port: 1) == nil)
        #expect(SocketAddress.loopback6(port: 5).text == "[::1]:5")
        let roundTrip = v6.withSockaddr { address, _ in SocketAddress(sockaddr: address) }
        #expect(roundTrip == v6)
    }

    @Test func aMappedAddressIsSeenAsIPv4() throws {
        let mapped = try #require(SocketAddress(ip: "::ffff:192.0.2.7", port: 9))
        #expect(mapped.unmapped == SocketAddress(ip: "192.0.2.7", port: 9))
        #expect(SocketAddress.loopback6(port: 9).unmapped == .loopback6(port: 9))
    }

    @Test func aTakenPortIsNoticed() throws {
        let first = try Listener(.loopback4(port: 0))
        #expect(first.address.port > 0)
        let error = #expect(throws: ListenError.self) { try Listener(first.address) }
        #expect(error?.description.contains("bind: address already in use") == true)
        #expect(throws: ListenError.self) { try Listener.allAddresses(port: first.address.port) }
    }

    @Test func aPortThatIsSharedByAnotherWithReusePortIsNoticedToo() throws {
        let other = try Kernel.socket(ipv6: false)
        var one: CInt = 1
        #expect(setsockopt(other.number, SOL_SOCKET, SO_REUSEPORT, &one, socklen_t(MemoryLayout<CInt>.size)) == 0)
        try Kernel.bind(other.number, .loopback4(port: 0))
        try Kernel.listen(other.number, backlog: 1)
        let address = try #require(Kernel.localAddress(other.number))
        #expect(throws: ListenError.self) { try Listener(address) }
        #expect(throws: ListenError.self) { try Listener.allAddresses(port: address.port) }
    }

    @Test func aListenerForAllAddressesTakesIPv4() throws {
        let all = try Listener.allAddresses(port: 0)
        let client = try Kernel.socket(ipv6: false)
        _ = Kernel.connect(client.number, .loopback4(port: all.address.port))
        wait(for: all.descriptor.raw)
        switch Kernel.accept4(all.descriptor.raw) {
        case .accepted(_, let peer): #expect(peer.unmapped.ip == "127.0.0.1")
        default: Issue.record("nobody came")
        }
    }

    @Test func twoBuffersGoAsOneAndTheEndIsSeen() throws {
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            Kernel.setNoDelay(client.number)
            let sent = Array("head".utf8).withUnsafeBytes { head in
                Array("body".utf8).withUnsafeBytes { Kernel.send(client.number, head, $0) }
            }
            #expect(sent == .count(8))
            #expect(Kernel.shutdownWrite(client.number))
            #expect(receive(server.number, 100) == Array("headbody".utf8))
        }
    }

    @Test func nothingToReadIsAValue() throws {
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            var byte: UInt8 = 0
            #expect(withUnsafeMutableBytes(of: &byte) { Kernel.recv(client.number, into: $0) } == .wouldBlock)
            var result = IOResult.count(0)
            let block = [UInt8](repeating: 1, count: 1 << 16)
            while case .count = result { result = block.withUnsafeBytes { Kernel.send(server.number, $0) } }
            #expect(result == .wouldBlock)
        }
        switch Kernel.accept4(listener.descriptor.raw) {
        case .wouldBlock: break
        default: Issue.record("somebody came")
        }
    }

    @Test func aResetIsSeenAsAnError() throws {
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            Kernel.setResetOnClose(server.number)
            try server.close()
            wait(for: client.number)
            var byte: UInt8 = 0
            #expect(withUnsafeMutableBytes(of: &byte) { Kernel.recv(client.number, into: $0) } == .failed(ECONNRESET))
        }
    }

    @Test func connectingToNobodyFails() throws {
        let address: SocketAddress
        do { address = try Listener(.loopback4(port: 0)).address }
        let client = try Kernel.socket(ipv6: false)
        let result = Kernel.connect(client.number, address)
        if result == .inProgress {
            wait(for: client.number, CInt(POLLOUT))
            #expect(Kernel.pendingError(client.number) == ECONNREFUSED)
        } else {
            #expect(result == .failed(ECONNREFUSED))
        }
    }

    @Test func aFileGoesToASocketByItself() throws {
        let folder = try TemporaryFolder()
        let file = try Kernel.open(folder.file("file"), O_RDWR | O_CREAT)
        try Array("0123456789".utf8).withUnsafeBytes { try Kernel.writeAll(file.number, $0) }
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            #expect(Kernel.sendfile(to: client.number, from: file.number, offset: 3, count: 4) == .count(4))
            #expect(receive(server.number, 4) == Array("3456".utf8))
        }
    }

    @Test func bytesAreSplicedAndDuplicatedThroughPipes() throws {
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            try Kernel.pipe2().take { reading, writing throws in
                try Kernel.pipe2().take { copyReading, copyWriting throws in
                    #expect(Kernel.splice(from: client.number, to: writing.number, count: 100) == .wouldBlock)
                    _ = Array("payload".utf8).withUnsafeBytes { Kernel.send(server.number, $0) }
                    wait(for: client.number)
                    #expect(Kernel.splice(from: client.number, to: writing.number, count: 100) == .count(7))
                    #expect(Kernel.tee(from: reading.number, to: copyWriting.number, count: 100) == .count(7))
                    #expect(Kernel.splice(from: reading.number, to: client.number, count: 7) == .count(7))
                    #expect(receive(server.number, 7) == Array("payload".utf8))
                    var copy = [UInt8](repeating: 0, count: 7)
                    let got = copy.withUnsafeMutableBytes { Kernel.read(copyReading.number, into: $0) }
                    #expect(got == .count(7))
                    #expect(copy == Array("payload".utf8))
                }
            }
        }
    }

    @Test func aPollTellsWhatHappenedAndAWakeSignalWakesIt() throws {
        let poll = try EventPoll()
        let wake = try WakeSignal()
        try poll.add(wake.raw, [.readable, .edgeTriggered], token: 7)
        #expect(try poll.wait(timeout: 0) { _, _ in } == 0)
        startThread(name: "wake") { wake.raise() }
        var events: [UInt64: EventMask] = [:]
        try poll.wait(timeout: 10_000) { events[$0] = $1 }
        #expect(events == [7: .readable])
        wake.clear()
        let listener = try Listener(.loopback4(port: 0))
        try connection(to: listener).take { client, server throws in
            try poll.add(client.number, [.readable, .writable, .peerClosed, .edgeTriggered], token: 8)
            try poll.wait(timeout: 10_000) { events[$0] = $1 }
            #expect(events[8] == .writable)
            try server.close()
            try poll.wait(timeout: 10_000) { events[$0] = $1 }
            #expect(events[8]?.contains([.readable, .peerClosed]) == true)
            try poll.remove(client.number)
        }
    }
}
