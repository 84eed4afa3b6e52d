import Core
import DiskStore
import Foundation
import Glibc
import PlatformTesting
import Proxy
import RelayTesting
import Storage
import Testing
import Wire

/// Hits from files: sent by the kernel, decoded on the way, or read from a segment.
@Suite struct DiskTests {
    /// The files below a folder, with their sizes.
    private func files(in folder: TemporaryFolder) throws -> [(path: String, size: Int)] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).compactMap { name in
            let facts = try FileManager.default.attributesOfItem(atPath: folder.file(name))
            guard facts[.type] as? FileAttributeType == .typeRegular else { return nil }
            return (folder.file(name), facts[.size] as? Int ?? 0)
        }
    }

    private static let text = Array(String(repeating: "the same words again and again\n", count: 30_000).utf8)

    @Test(arguments: ["noise", "text", "small"], [false, true])
    func `hits from the disk have the same bytes, whole and in parts`(_ kind: String, _ isTLS: Bool) async throws {
        let folder = try TemporaryFolder()
        var options = ProxyOptions()
        options.blobs = try DiskStore(root: folder.path + "/store")
        let body = kind == "noise" ? noise(900_000) : kind == "text" ? Self.text : noise(5_000)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: body, tls: isTLS)
            let client = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            let url = isTLS ? "/a" : origin.url("/a")
            for _ in 0..<3 { #expect(try client.get(url).body == body) }
            let part = try client.get(url, fields: ["Range": "bytes=1000-1999"])
            #expect(part.head.status == 206)
            #expect(part.body == Array(body[1000..<2000]))
            #expect(origin.requests.count == 1)
            // A client that does not read all of it, and one that comes after.
            let impatient = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            try impatient.send("GET", url)
            _ = try impatient.connection.read(exactly: 1_000)
            impatient.connection.reset()
            #expect(try client.get(url).body == body)
        }
    }

    @Test func `a file that was damaged on the disk is never delivered in full`() async throws {
        let folder = try TemporaryFolder()
        var options = ProxyOptions()
        options.blobs = try DiskStore(root: folder.path + "/store")
        try await withProxy(options) { proxy in
            let body = noise(900_000)
            let origin = try ScriptedOrigin(serving: body)
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            _ = try proxy.storedBlob(sha256(body))
            let file = try #require(try files(in: folder).first { $0.size >= body.count })
            let descriptor = open(file.path, O_WRONLY)
            #expect(descriptor >= 0)
            #expect(pwrite(descriptor, [body[700_000] ^ 1], 1, off_t(file.size - 200_000)) == 1)
            #expect(Glibc.close(descriptor) == 0)
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            #expect(client.failure() == .reset)
            #expect(try proxy.rows(kind: .failure, atLeast: 1).count == 1)
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 2)
        }
    }

    @Test(arguments: [false, true])
    func `clients that take text slowly get the same bytes, while others take it fast`(_ isTLS: Bool) async throws {
        let folder = try TemporaryFolder()
        var options = ProxyOptions()
        var settings = DiskStoreSettings()
        // Less than the body, so that some of its blocks stay and others do not.
        settings.decodedMemory = 1 << 20
        settings.maintenanceBytes = 32 << 20
        let store = try DiskStore(root: folder.path + "/store", settings: settings)
        options.blobs = store
        let body = (0..<40_000).flatMap {
            Array("line \($0) of a list that goes on and on, and on to line \($0 &* 7)\n".utf8)
        }
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: body, tls: isTLS)
            let url = isTLS ? "/a" : origin.url("/a")
            #expect(try (isTLS ? proxy.tunnel(to: origin) : proxy.client()).get(url).body == body)
            _ = try proxy.storedBlob(sha256(body))
            #expect(try store.maintain().map(\.new.placement.text) == ["lz4"])
            _ = try store.maintain()
            let slow = try (0..<3).map { _ in try isTLS ? proxy.tunnel(to: origin) : proxy.client() }
            for client in slow { try client.send("GET", url) }
            for _ in 0..<3 {
                #expect(try (isTLS ? proxy.tunnel(to: origin) : proxy.client()).get(url).body == body)
            }
            for client in slow { #expect(try client.answer().body == body) }
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a file that becomes shorter while it is popular is not delivered in full, and nothing else suffers`()
        async throws
    {
        let folder = try TemporaryFolder()
        var options = ProxyOptions()
        options.blobs = try DiskStore(root: folder.path + "/store")
        try await withProxy(options) { proxy in
            let body = noise(900_000)
            let origin = try ScriptedOrigin(serving: body)
            let client = try proxy.client()
            for _ in 0..<4 { #expect(try client.get(origin.url("/a")).body == body) }
            let file = try #require(try files(in: folder).first { $0.size == body.count })
            #expect(truncate(file.path, 300_000) == 0)
            try client.send("GET", origin.url("/a"))
            #expect(client.failure() == .reset)
            #expect(try proxy.rows(kind: .artifact, atLeast: 5).last?.isTruncated == true)
            #expect(try proxy.client().get(origin.url("/b")).body == body)
        }
    }
}
