import Core
import Foundation
import Glibc
import Platform
import Testing

@testable import Control

/// Clients that behave badly, and the file.
@Suite(.timeLimit(.minutes(2))) struct LocalServerTests {
    private static let version = Array(#"{"operation":"version"}"#.utf8)

    private func expectHealth(_ bench: LocalBench) async throws {
        #expect(try await bench.ask("version") == .init(result: "ok", message: "1.2.3"))
    }

    @Test func aRequestMayComeInAnyPiecesAndWithoutAnEnd() async throws {
        try await LocalBench.run { (bench) async throws in
            for split in 0..<Self.version.count {
                let pieces = [Array(Self.version[..<split]), Array(Self.version[split...])]
                #expect(try LocalProbe.reply(try await bench.probe.raw(pieces)).message == "1.2.3")
            }
            #expect(try LocalProbe.reply(try await bench.probe.raw(Self.version.map { [$0] })).message == "1.2.3")
        }
    }

    @Test func anEmptyRequestIsToldSo() async throws {
        try await LocalBench.run { (bench) async throws in
            let reply = try LocalProbe.reply(try await bench.probe.raw([[]], ending: true))
            #expect(
                reply == .init(result: "error", message: "the request is empty (EOF): expected a JSON object"))
            try await expectHealth(bench)
        }
    }

    @Test func aRequestThatDoesNotComeIsToldSo() async throws {
        try await LocalBench.run(adjust: { $0.requestTime = .milliseconds(50) }) { (bench) async throws in
            for half in [[], Array("{\"operation\"".utf8)] {
                let reply = try LocalProbe.reply(try await bench.probe.raw([half]))
                #expect(reply.result == "error" && reply.message.contains("did not come within"))
            }
            try await expectHealth(bench)
        }
    }

    @Test func tricklingDoesNotProlongTheTime() async throws {
        try await LocalBench.run(adjust: { $0.requestTime = .milliseconds(300) }) { (bench) async throws in
            let socket = try bench.probe.connect()
            let before = MonotonicTime.now()
            // Slowly, and until the server has closed.
            while MonotonicTime.now() - before < .seconds(20),
                case .count = [UInt8(ascii: " ")].withUnsafeBytes({ Kernel.send(socket.raw, $0) })
            {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(MonotonicTime.now() - before < .seconds(15))
            try await expectHealth(bench)
        }
    }

    @Test func whoGetsNoThreadIsSentAwayAndNobodyElseIs() async throws {
        try await LocalBench.run { (bench) async throws in
            bench.missingThreads.withLock { $0 = 20 }
            // More than there are places.
            for _ in 0..<20 {
                let reply = try? await bench.probe.raw([Self.version])
                #expect(reply?.isEmpty ?? true)
            }
            #expect(bench.missingThreads.withLock { $0 } == 0)
            try await expectHealth(bench)
        }
    }

    @Test func tooLongARequestIsRefused() async throws {
        try await LocalBench.run(adjust: { $0.longestRequest = 100_000 }) { (bench) async throws in
            let endless = Array(#"{"operation":""#.utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
            let reply = try LocalProbe.reply(try await bench.probe.raw([endless]))
            #expect(reply == .init(result: "error", message: "the request is longer than 100000 bytes"))
            try await expectHealth(bench)
        }
    }

    @Test func onlyConfigurationsMayBeLong() async throws {
        try await LocalBench.run { (bench) async throws in
            let text = String(repeating: "# a long file\n", count: 100_000)
            #expect(try await bench.ask("update-config", type: "acl", payload: text).message == "configuration updated")
            let reply = try await bench.ask("update-cert", payload: text)
            #expect(reply.result == "error" && reply.message.contains("longer than 1048576 bytes"))
        }
    }

    @Test func randomBytesNeverDisturbOthers() async throws {
        try await LocalBench.run(adjust: { $0.requestTime = .milliseconds(200) }) { (bench) async throws in
            var random = SystemRandomNumberGenerator()
            let seed = UInt64.random(in: 0 ... .max, using: &random)
            var state = seed
            func next() -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state >> 33
            }
            for round in 0..<100 {
                let bytes = (0..<Int(next() % 400)).map { _ in UInt8(truncatingIfNeeded: next()) }
                let answer = try await bench.probe.raw([bytes], ending: round % 2 == 0)
                if !answer.isEmpty {
                    #expect(try LocalProbe.reply(answer).result == "error", "seed \(seed), round \(round)")
                }
            }
            try await expectHealth(bench)
        }
    }

    @Test func silentClientsMakeRoomForOthers() async throws {
        let adjust: (inout LocalSettings) -> Void = { settings in
            settings.mostConnections = 4
            settings.patience = .milliseconds(50)
            settings.requestTime = .seconds(600)
        }
        try await LocalBench.run(adjust: adjust) { (bench) async throws in
            let silent = try (0..<12).map { _ in try bench.probe.connect() }
            try await expectHealth(bench)
            // The oldest had to go, without a reply.
            #expect(try LocalProbe.rest(of: silent[0]).isEmpty)
            withExtendedLifetime(silent) {}
        }
    }

    @Test func manyAreServedAtOnce() async throws {
        try await LocalBench.run { (bench) async throws in
            let messages = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<100 { group.addTask { try await bench.ask("version").message } }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(messages == [String](repeating: "1.2.3", count: 100))
        }
    }

    @Test func aClientThatLeavesHarmsNobody() async throws {
        try await LocalBench.run { (bench) async throws in
            bench.artifacts.withLock { $0 = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: 1 << 20), count: 16) }
            _ = try await bench.ask("create-session", payload: "a:t:0:")
            for _ in 0..<20 {
                let socket = try bench.probe.connect()
                let request = Array(#"{"operation":"list-artifacts","payload":"a"}"#.utf8)
                _ = request.withUnsafeBytes { Kernel.send(socket.raw, $0) }
            }
            try await expectHealth(bench)
        }
    }

    @Test func aClientThatTakesNothingIsGivenUp() async throws {
        try await LocalBench.run(adjust: { $0.replyStall = .milliseconds(50) }) { (bench) async throws in
            bench.artifacts.withLock { $0 = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: 1 << 20), count: 16) }
            _ = try await bench.ask("create-session", payload: "a:t:0:")
            let socket = try bench.probe.connect()
            let request = Array(#"{"operation":"list-artifacts","payload":"a"}"#.utf8)
            _ = request.withUnsafeBytes { Kernel.send(socket.raw, $0) }
            let deadline = MonotonicTime.now() + .seconds(20)
            while bench.server.connectionCount > 0, MonotonicTime.now() < deadline {
                // Between two looks at what is waited for.
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(bench.server.connectionCount == 0)
            withExtendedLifetime(socket) {}
        }
    }

    @Test(.enabled(if: geteuid() == 0, "another user's connection needs root"))
    func otherUsersAreRefused() async throws {
        // Root may always; so the client becomes somebody else, who could only come this far through wrong permissions.
        try await LocalBench.run(owner: 4242) { (bench) async throws in
            try Kernel.chmod(bench.folder, 0o755)
            try Kernel.chmod(bench.folder + "/run", 0o755)
            try Kernel.chmod(bench.path, 0o666)
            try await expectHealth(bench)
            let text = """
                import os, socket, sys
                os.setuid(4243)
                s = socket.socket(socket.AF_UNIX)
                s.connect(sys.argv[1])
                try:
                    s.sendall(b'{"operation":"version"}')
                except OSError:
                    pass
                print(s.recv(1000).decode())
                """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            process.arguments = ["-c", text, bench.path]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            process.waitUntilExit()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(output.contains(#""message":"this socket is for user 4242 and root only","result":"error""#))
        }
    }

    // MARK: The file

    @Test func theFileIsForTheOwnerAloneAndGoesWithTheServer() async throws {
        try await LocalBench.run { (bench) async throws in
            let file = try #require(try Kernel.statusOfLink(bench.path))
            #expect(file.isSocket && file.mode & 0o777 == 0o600)
            #expect(try (Kernel.stat(bench.folder + "/run")?.mode ?? 0) & 0o777 == 0o700)
            bench.server.stop(grace: .seconds(5))
            #expect(try Kernel.statusOfLink(bench.path) == nil)
            #expect(throws: SystemError.self) { try bench.probe.connect() }
        }
    }

    @Test func stoppingLetsARequestFinishAndEndsTheSilent() async throws {
        try await LocalBench.run { (bench) async throws in
            let silent = try bench.probe.connect()
            let deadline = MonotonicTime.now() + .seconds(20)
            while bench.server.connectionCount == 0, MonotonicTime.now() < deadline {
                // Between two looks at what is waited for.
                try await Task.sleep(for: .milliseconds(1))
            }
            bench.server.stop(grace: .seconds(20))
            #expect(bench.server.connectionCount == 0)
            #expect(try LocalProbe.rest(of: silent).isEmpty)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct LocalListenerTests {
    private let folder = NSTemporaryDirectory() + "listener-" + UUID().uuidString
    private var path: String { folder + "/a/b/fetchctl.socket" }

    private func withFolder(_ body: () throws -> Void) throws {
        try Kernel.mkdir(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    @Test func whatAServiceLeftBehindIsReplaced() throws {
        try withFolder {
            // Dropped without being closed, as by the end of the process.
            _ = try LocalListener(path: path)
            #expect(try Kernel.statusOfLink(path)?.isSocket == true)
            let next = try LocalListener(path: path)
            try Kernel.localSocket().withRaw { try Kernel.connectLocal($0, path) }
            next.close()
            #expect(try Kernel.statusOfLink(path) == nil)
        }
    }

    @Test func aSocketAtWhichSomebodyListensIsLeftAlone() throws {
        try withFolder {
            let first = try LocalListener(path: path)
            let error = #expect(throws: LocalSocketError.self) { try LocalListener(path: path) }
            #expect("\(try #require(error))".contains("another service listens there"))
            try Kernel.localSocket().withRaw { try Kernel.connectLocal($0, path) }
            first.close()
        }
    }

    @Test func somethingElseIsLeftAlone() throws {
        try withFolder {
            try Kernel.mkdir(folder + "/a")
            try Kernel.mkdir(folder + "/a/b")
            try Kernel.replaceFile(path, with: Array("precious".utf8))
            let error = #expect(throws: LocalSocketError.self) { try LocalListener(path: path) }
            #expect("\(try #require(error))".contains("something else"))
            #expect(try Kernel.contents(of: path) == Array("precious".utf8))
            try Kernel.unlink(path)
            #expect(symlink("/dev/null", path) == 0)
            #expect(throws: LocalSocketError.self) { try LocalListener(path: path) }
        }
    }

    @Test func aFileThatIsSomebodyElsesByNowStays() throws {
        try withFolder {
            let first = try LocalListener(path: path)
            try Kernel.unlink(path)
            let second = try LocalListener(path: path)
            first.close()
            #expect(try Kernel.statusOfLink(path)?.isSocket == true)
            second.close()
        }
    }
}
