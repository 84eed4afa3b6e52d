/// The MIME type of a body by its content (contract `inspectors.md`, section 6).
///
/// The first 64 KiB decide; zip archives are listed through their directory, which stands at the end.
enum TypeDetector {
    static let deb = "application/vnd.debian.binary-package"
    static let zip = "application/zip"
    static let jar = "application/jar"
    static let packages = "application/x.apt.packages"
    static let translation = "application/x.apt.translation"
    static let commands = "application/x.apt.commands"
    static let fallback = "application/octet-stream"

    /// - Throws: ``ExtractionError/unreadable(_:)`` and ``ExtractionError/timeout(_:)`` only: what is damaged has the
    ///   type that its start says.
    static func detect(_ bytes: any BlobBytes, budget: ExtractionBudget) throws(ExtractionError) -> String {
        let head = try bytes.prefix(64 << 10)
        if let type = byMagic(head) {
            switch type {
            case zip: return try isJar(bytes, budget: budget) ? jar : zip
            case "application/gzip":
                let start = try decompressedStart(bytes, budget: budget)
                return AptIndex.isPackages(start) ? packages : type
            case "application/x-xz":
                let start = try decompressedStart(bytes, budget: budget)
                if AptIndex.isPackages(start) { return packages }
                if AptIndex.isTranslation(start) { return translation }
                return AptIndex.isCommands(start) ? commands : type
            default: return type
            }
        }
        return TextDetector.detect(head, isWhole: Int64(head.count) == bytes.size) ?? fallback
    }

    /// Formats that begin with a constant, or have one at a fixed place.
    private static let magic: [(offset: Int, bytes: [UInt8], type: String)] = [
        (0, Array("!<arch>\ndebian-binary".utf8), deb),
        (0, [0x50, 0x4b, 0x03, 0x04], zip),
        (0, [0x50, 0x4b, 0x05, 0x06], zip),
        (0, [0x1f, 0x8b, 0x08], "application/gzip"),
        (0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "application/x-xz"),
        (0, [0x28, 0xb5, 0x2f, 0xfd], "application/zstd"),
        (0, Array("BZh".utf8), "application/x-bzip2"),
        (0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], "image/png"),
        (0, [0xff, 0xd8, 0xff], "image/jpeg"),
        (0, Array("GIF8".utf8), "image/gif"),
        (0, Array("%PDF-".utf8), "application/pdf"),
        (0, [0x7f, 0x45, 0x4c, 0x46], "application/x-elf"),
        (0, [0x00, 0x61, 0x73, 0x6d], "application/wasm"),
        (0, Array("hsqs".utf8), "application/x.squashfs"),
        (257, Array("ustar".utf8), "application/x-tar"),
    ]

    private static func byMagic(_ head: [UInt8]) -> String? {
        let found = magic.first { head.dropFirst($0.offset).starts(with: $0.bytes) }
        return found?.type ?? (isBigEndianSquashfs(head) ? "application/x.squashfs" : nil)
    }

    /// The other byte order of squashfs; its magic alone is too short to go by, so major and minor version must fit.
    private static func isBigEndianSquashfs(_ head: [UInt8]) -> Bool {
        head.starts(with: "sqsh".utf8) && head.count >= 96 && head[28] == 0 && (1...4).contains(head[29])
    }

    private static func isJar(_ bytes: any BlobBytes, budget: ExtractionBudget) throws(ExtractionError) -> Bool {
        do throws(ExtractionError) {
            let reader = try ZipReader(bytes, budget: budget)
            for _ in 0..<10_000 {
                guard let member = try reader.nextMember() else { return false }
                if member.name == "META-INF/MANIFEST.MF" { return true }
            }
        } catch {
            try error.rethrowIfOurs()
        }
        return false
    }

    private static func decompressedStart(
        _ bytes: any BlobBytes, budget: ExtractionBudget
    ) throws(ExtractionError) -> [UInt8] {
        var start: [UInt8] = []
        do throws(ExtractionError) {
            let reader = try ArchiveReader(.stream, from: BlobSource(bytes, budget: budget), budget: budget)
            guard try reader.nextMember() != nil else { return [] }
            while start.count < 4096 {
                let piece = try reader.readPiece()
                if piece.isEmpty { break }
                start += piece.prefix(4096 - start.count)
            }
        } catch {
            try error.rethrowIfOurs()
        }
        return start
    }
}

extension ExtractionError {
    /// Passes on what is not the body's fault.
    func rethrowIfOurs() throws(ExtractionError) {
        switch self {
        case .timeout, .unreadable: throw self
        case .malformed, .limit: return
        }
    }
}
