import Core
import PlatformTesting
import Storage
import Testing

@testable import DiskStore

/// Which files are mapped, and how much of them at most.
@Suite struct PlainFileReaderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    @Test("A file is mapped when it is used again, and others when there is room for them")
    func room() throws {
        var settings = DiskStoreSettings()
        settings.mappedFiles = 250_000
        let store = try DiskStore(root: "\(folder.path)/store", settings: settings)
        let bodies = [sampleNoise(200_000), sampleNoise(100_000, seed: 2)]
        let blobs = try bodies.map { try store.storeLarge($0) }
        let second = try #require(try store.open(blobs[1]))
        do {
            let first = try #require(try store.open(blobs[0]))
            #expect(first.mapped == nil)
            for _ in 0..<2 { first.noteReuse() }
            #expect(try #require(first.mapped).elementsEqual(bodies[0]))
            second.noteReuse()
            #expect(second.mapped == nil, "100,000 bytes more are too many")
            #expect(second.plainFile != nil)
        }
        second.noteReuse()
        #expect(try #require(second.mapped).elementsEqual(bodies[1]))
    }

    @Test("A file above 64 MiB is never mapped")
    func large() throws {
        let path = "\(folder.path)/large"
        for (size, isMapped) in [(MappingRoom.largest, true), (MappingRoom.largest + 1, false)] {
            let file = try FileCalls().open(path, 0o102)
            try FileCalls().write(file, [1], at: size - 1)
            let room = MappingRoom(.max)
            let reader = PlainFileReader(file: file, size: size, files: FileCalls(), room: room)
            reader.noteReuse()
            #expect((reader.mapped != nil) == isMapped)
        }
    }
}
