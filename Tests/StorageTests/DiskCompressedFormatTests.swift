import Core
import Cryptography
import Foundation
import Storage
import Platform
import PlatformTesting
import Testing

@testable import DiskStore

@Suite struct DiskCompressedFormatTests {
    let folder: TemporaryFolder
    let layout: StoreLayout
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        layout = StoreLayout(root: "\(folder.path)/.store")
        store = try DiskStore(root: layout.root)
    }

    func compressed(_ bytes: [UInt8]) throws -> (blob: StoredBlob, path: String) {
        _ = try store.storeLarge(bytes)
        var moved: StoredBlob?
        for _ in 0..<8 where moved == nil { moved = try store.maintain().first?.new }
        let blob = try #require(moved)
        _ = try store.maintain()
        return (blob, layout.compressed(blob.digest, .shared))
    }

    /// Makes a file with these bytes; a reader that finds damage has removed the one before.
    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDWR | O_CREAT | O_TRUNC))
        try FileCalls().write(file, bytes, at: 0)
    }

    @Test(
        "XXH32 gives the published values",
        arguments: [
            ("", 0x02CC_5D05), ("a", 0x550D_7456), ("abc", 0x32D1_53FF),
            ("Nobody inspects the spammish repetition", 0xE229_3B2F),
        ] as [(String, UInt32)])
    func checksum(_ text: String, _ expected: UInt32) {
        #expect(Array(text.utf8).withUnsafeBytes { XXHash32.checksum($0) } == expected)
    }

    @Test(
        "Any LZ4 program reads a compressed blob",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/lz4"), "install lz4 to run this"))
    func readableByOthers() throws {
        let bytes = sampleText(600_000) + sampleNoise(300_000) + sampleText(500_000)
        let (_, path) = try compressed(bytes)
        let output = "\(folder.path)/decoded"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/lz4")
        process.arguments = ["-d", "-q", path, output]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let isSame = try Kernel.contents(of: output) == bytes
        #expect(isSame)
    }

    @Test("A file of version 1 is laid out as documented")
    func layoutOfFile() throws {
        let index = CompressedIndex(
            contentSize: 3, digest: SHA256Hasher.digest(Array("abc".utf8)), words: [0x8000_0003])
        let expected =
            "5e2a4d18" + "38000000" + "4653494e44455831" + "0300000000000000"
            + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" + "03000080" + "14586dbd"
            + "04224d187850" + "0300000000000000" + "ea"
        #expect(Hex.encode(index.header) == expected)
        #expect(index.offsets == [79, 90])
    }

    @Test("A compressed file of version 1, as a release wrote it, still opens")
    func oldFile() throws {
        // 64 KiB and a byte of "a".
        let content = [UInt8](repeating: 97, count: 65_537)
        let digest = SHA256Hasher.digest(content)
        let index = "5e2a4d18380000004653494e444558310100010000000000" + digest.hex + "0b010000dc3749eb"
        let frame = "04224d1878500100010000000000ed"
        let block = "0b0100001f610100" + String(repeating: "ff", count: 256) + "e85061616161619caf70f0"
        let file = try #require(Hex.decode(index + frame + block + "00000000"))
        for folder in layout.blobFolders(digest, .shared) { try Kernel.mkdir(folder) }
        try Kernel.replaceFile(layout.compressed(digest, .shared), with: file)
        let blob = StoredBlob(
            digest: digest, logicalSize: 65_537, scope: .shared, placement: BlobPlacement(text: "lz4", sizeOnDisk: 4096)
        )
        #expect(try store.content(blob) == content)
        #expect(try store.verify(blob))
    }

    @Test("Every changed byte of a compressed file is found before wrong bytes come out")
    func everyByte() throws {
        let bytes = sampleText(300_000)
        let (blob, path) = try compressed(bytes)
        let original = try Kernel.contents(of: path)
        let interesting =
            Array(0..<200) + Array(stride(from: 200, to: original.count - 120, by: 197))
            + Array((original.count - 120)..<original.count)
        for index in interesting {
            var changed = original
            changed[index] ^= 0x04
            try write(path, changed)
            let result = Result { try store.content(blob) }
            switch result {
            case .success(let content):
                // The frame's own header is for other programs; our readers go by the index.
                let frameHeader = 68..<83
                #expect(frameHeader.contains(index) || index >= original.count - 4, "byte \(index)")
                let isSame = content == bytes
                #expect(isSame)
            case .failure(let error): #expect((error as? StoreError)?.kind == .corrupt, "byte \(index)")
            }
        }
        for count in [0, 10, 67, original.count / 2, original.count - 1] {
            try write(path, Array(original[..<count]))
            let error = #expect(throws: StoreError.self) { try store.open(blob) }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test("The compressed file of another blob is not taken for this one")
    func otherBlob() throws {
        let (blob, path) = try compressed(sampleText(300_000))
        let (_, other) = try compressed(sampleText(300_000, seed: 9))
        try Kernel.rename(other, to: path)
        let error = #expect(throws: StoreError.self) { try store.open(blob) }
        #expect(error?.kind == .corrupt)
    }

    @Test("An index longer than one read is found")
    func longIndex() throws {
        // 17,000 blocks of which none is there: only the index is looked at.
        let words = [UInt32](repeating: 100, count: 17_000)
        let size = Int64(17_000) * Int64(CompressedIndex.blockSize) - 5
        let index = CompressedIndex(contentSize: size, digest: SHA256Hasher.digest([]), words: words)
        let path = "\(folder.path)/long"
        let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDWR | O_CREAT))
        try FileCalls().write(file, index.header, at: 0)
        try Kernel.ftruncate(file.raw, try #require(index.offsets.last) + 4)
        #expect(try CompressedIndex.read(file, FileCalls()) == index)
    }
}
