import Core
import Glibc
import Platform
import PlatformTesting
import Testing

@testable import fetchctl

@Suite(.timeLimit(.minutes(3)), .serialized) struct ServiceManagerTests {
    let folder: TemporaryFolder
    let manager: ServiceManagerDouble

    init() throws {
        folder = try TemporaryFolder.configured()
        manager = try ServiceManagerDouble(in: folder)
    }

    @Test func whatTheServiceDoesIsToldToTheManager() throws {
        let service = try manager.start("one")
        let ready = try manager.waitForReport("READY")
        #expect(ready?.contains("STATUS=proxy at http://\(manager.proxy.address)") == true)
        service.signal(SIGHUP)
        let reloading = try manager.waitForReport("RELOADING")
        #expect(reloading?.contains("\nMONOTONIC_USEC=") == true)
        #expect(try manager.waitForReport("READY") != nil)
        service.signal(SIGTERM)
        #expect(try manager.waitForReport("STOPPING") != nil)
        #expect(service.end() == 143)
    }

    @Test func aManagerWithAnAbstractSocketHearsTheSame() throws {
        let manager = try ServiceManagerDouble(in: folder, abstract: true)
        let service = try manager.start("one")
        #expect(try manager.waitForReport("READY") != nil)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test func signsOfLifeAreGivenWhenTheyAreWanted() throws {
        let service = try manager.start("one", environment: ["WATCHDOG_USEC": "200000"])
        #expect(try manager.waitForReport("READY") != nil)
        for _ in 0..<5 { #expect(try manager.waitForReport("WATCHDOG", atMost: .seconds(10)) != nil) }
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test func anAddressThatIsNoneIsToldAndHarmless() throws {
        let service = try manager.start("one", environment: ["NOTIFY_SOCKET": "nonsense"])
        #expect(manager.waitForLog("WARN : the service manager hears nothing", of: "one"))
        #expect(manager.waitForLog("state:", of: "one"))
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    // MARK: Sockets

    @Test func passedSocketsAreServedAndThePortsOfFlagsNotBound() throws {
        let taken = try Listener(.loopback4(port: 0))
        let service = try manager.start(
            "one", ["--proxy-port", "\(taken.address.port)", "--control-port", "\(taken.address.port)"])
        #expect(try manager.waitForReport("READY") != nil)
        #expect(try manager.controlClient.status().activeSessions?.isEmpty == true)
        let session = try manager.controlClient.openSession(policy: .strict, timeout: nil)
        #expect(folder.text("state/service.json").contains("\(manager.proxy.address)"))
        #expect(!session.token.isEmpty)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test func connectionsThatCameBeforeTheServiceAreServed() throws {
        let address = try ControlEndpoint("http://\(manager.control.address)")
        let answer = Lock<Bool?>(nil)
        startThread(name: "early") {
            let client = ControlClient(endpoint: address, credentials: nil)
            let isAnswered = (try? client.status(patience: .seconds(30))) != nil
            answer.withLock { $0 = isAnswered }
        }
        let service = try manager.start("one")
        #expect(eventually { answer.withLock { $0 } != nil })
        #expect(answer.withLock { $0 } == true)
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test func oneSocketMayBePassedAlone() throws {
        manager.sockets.removeLast()
        let service = try manager.start("one", ["--control-port", "0", "--bind", "127.0.0.1"])
        #expect(try manager.waitForReport("READY") != nil)
        #expect(folder.text("state/service.json").contains("\(manager.proxy.address)"))
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    @Test(arguments: [
        ("proxy:other", "a socket named 'other' was passed"), ("proxy:proxy", "two sockets named 'proxy'"),
        ("proxy", "does not name each of the 2"),
    ])
    func namesThatSayNothingAreRefused(names: String, what: String) throws {
        let service = try manager.start("one", names: names)
        #expect(service.end() == 1)
        #expect(folder.text("one.log").contains("ERROR: cannot start service: "))
        #expect(folder.text("one.log").contains(what))
    }

    @Test func socketsThatDoNotListenAreRefused() throws {
        let kinds = [(CInt(SOCK_STREAM.rawValue), AF_INET), (CInt(SOCK_DGRAM.rawValue), AF_INET)]
        for (type, family) in kinds {
            let socket = SharedDescriptor(adopting: Glibc.socket(family, type | CInt(SOCK_CLOEXEC.rawValue), 0))
            manager.sockets[0].descriptor = socket
            let service = try manager.start("one")
            #expect(service.end() == 1)
            #expect(folder.text("one.log").contains("the socket 'proxy' that was passed does not listen for TCP"))
        }
        manager.sockets[0].descriptor = SharedDescriptor(adopting: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC))
        let service = try manager.start("one")
        #expect(service.end() == 1)
    }

    @Test func socketsForAnotherProcessAreLeftAlone() throws {
        let service = try manager.start(
            "one", ["--proxy-port", "0", "--control-port", "0", "--bind", "127.0.0.1"],
            environment: ["LISTEN_PID": "1"])
        #expect(try manager.waitForReport("READY") != nil)
        #expect(!folder.text("state/service.json").contains("\(manager.proxy.address)\""))
        service.signal(SIGTERM)
        #expect(service.end() == 143)
    }

    // MARK: The successor

    @Test func aSuccessorWaitsForTheStateFolder() throws {
        let first = try manager.start("one")
        #expect(try manager.waitForReport("READY") != nil)
        let second = try manager.start("two")
        #expect(manager.waitForLog("waiting for the service that uses \(folder.file("state")) to end", of: "two"))
        first.signal(SIGTERM)
        #expect(first.end() == 143)
        #expect(try manager.waitForReport("READY") != nil)
        #expect(try manager.controlClient.status().activeSessions?.isEmpty == true)
        #expect(folder.text("state/service.json").contains("\"pid\":\(second.id)"))
        second.signal(SIGTERM)
        #expect(second.end() == 143)
    }

    @Test func aSuccessorDoesNotWaitForEver() throws {
        let first = try manager.start("one")
        #expect(try manager.waitForReport("READY") != nil)
        let second = try manager.start("two", ["--set", "takeover-timeout=100ms"])
        #expect(second.end() == 1)
        #expect(folder.text("two.log").contains("another fetch-service uses the state folder"))
        first.signal(SIGTERM)
        #expect(first.end() == 143)
    }

    @Test func aSuccessorThatIsToldToEndWaitsNoLonger() throws {
        let first = try manager.start("one")
        #expect(try manager.waitForReport("READY") != nil)
        let second = try manager.start("two")
        #expect(manager.waitForLog("waiting for the service", of: "two"))
        second.signal(SIGTERM)
        #expect(second.end() == 143)
        first.signal(SIGTERM)
        #expect(first.end() == 143)
    }
}
