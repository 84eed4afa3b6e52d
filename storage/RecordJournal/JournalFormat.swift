internal import Core
internal import Storage
internal import Synchronization

/// The bytes of a journal file, version 1.
///
/// A file is a header and entries, one after the other without gaps, then zeros; or it is empty. All numbers are little-endian.
///
///     header  offset  bytes
///                  0      4  magic, the characters "FSJ1"
///                  4      1  length of the boot id, at most 59
///                  5     59  the kernel's id of the boot in which the file was begun, then zeros
///
///     entry   offset  bytes
///                  0      4  length of what follows the checksum
///                  4      4  XXH32 of what follows
///                  8      8  number of the exchange
///                 16      8  size
///                 24      8  delivered
///                 32      1  category: 0 artifact, 1 response, 2 refusal, 3 failure
///                 33      1  result: 0 none, 1 unknown, 2 rejected, 3 approved
///                 34      1  bit 0: truncated; bit 1: there is a digest
///                 35      1  length of the session's id
///                 36      4  length of the download's JSON
///                 40     32  digest, or zeros
///                 72         the session's id, the download's JSON, the judgement's JSON
///
/// Behind the last entry stand zeros, or nothing. The end of the process in the middle of a write leaves an entry whose checksum
/// is 0, or one that the file is too short for. A file that begins with a zero is empty.
enum JournalFormat {
    static let headerSize = 64
    private static let magic = Array("FSJ1".utf8)
    private static let longestBootID = 59
    private static let fixedSize = 72

    private static let categories: [ExchangeRow.Category] = [.artifact, .response, .refusal, .failure]
    private static let results: [ExchangeRow.Result?] = [nil, .unknown, .rejected, .approved]

    /// What is wrong with a file.
    struct Damage: Error {
        var offset: Int
    }

    static func header(bootID: String) -> [UInt8] {
        let id = Array(bootID.utf8.prefix(longestBootID))
        var bytes = magic
        bytes.append(UInt8(id.count))
        bytes += id
        bytes += [UInt8](repeating: 0, count: headerSize - bytes.count)
        return bytes
    }

    /// The boot id in a header; `nil` when these bytes are none.
    static func bootID(_ bytes: ArraySlice<UInt8>) -> String? {
        let bytes = Array(bytes)
        guard bytes.count >= headerSize, bytes[..<4] == magic[...], Int(bytes[4]) <= longestBootID else { return nil }
        return String(decoding: bytes[5..<5 + Int(bytes[4])], as: UTF8.self)
    }

    /// Whether a file holds nothing: it is too short for a header, or has no magic, which is written last and goes first.
    static func isEmpty(_ bytes: [UInt8]) -> Bool { bytes.count < headerSize || bytes[..<4].allSatisfy { $0 == 0 } }

    /// Bytes that a row's entry takes.
    static func size(of row: ExchangeRow) -> Int {
        fixedSize + row.session.text.utf8.count + row.download.count + row.judgement.count
    }

    /// Writes a row's entry over zeros, as many bytes as ``size(of:)`` says.
    ///
    /// The length comes first and the checksum last, so that an entry in whose middle the process ended shows it.
    static func write(_ row: ExchangeRow, to bytes: UnsafeMutableRawBufferPointer) {
        unsafe store(UInt32(bytes.count - 8), to: bytes, at: 0)
        atomicMemoryFence(ordering: .releasing)
        unsafe store(UInt64(bitPattern: row.number), to: bytes, at: 8)
        unsafe store(UInt64(bitPattern: row.size), to: bytes, at: 16)
        unsafe store(UInt64(bitPattern: row.delivered), to: bytes, at: 24)
        unsafe bytes[32] = UInt8(categories.firstIndex(of: row.category) ?? 0)
        unsafe bytes[33] = UInt8(results.firstIndex(of: row.result) ?? 0)
        unsafe bytes[34] = (row.isTruncated ? 1 : 0) | (row.digest == nil ? 0 : 2)
        let id = row.session.text.utf8
        unsafe bytes[35] = UInt8(id.count)
        unsafe store(UInt32(row.download.count), to: bytes, at: 36)
        if let digest = row.digest {
            let words = digest.words
            unsafe store(words.0.byteSwapped, to: bytes, at: 40)
            unsafe store(words.1.byteSwapped, to: bytes, at: 48)
            unsafe store(words.2.byteSwapped, to: bytes, at: 56)
            unsafe store(words.3.byteSwapped, to: bytes, at: 64)
        }
        var offset = fixedSize
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: id)
        offset += id.count
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: row.download)
        offset += row.download.count
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: row.judgement)
        let checksum = unsafe XXHash32.checksum(UnsafeRawBufferPointer(rebasing: bytes[8...]))
        atomicMemoryFence(ordering: .releasing)
        unsafe store(checksum, to: bytes, at: 4)
    }

    /// Reads all entries behind a header.
    ///
    /// - Returns: The rows, and where the first thing stands that is no entry; `nil` when all are, but for one that the end
    ///   of the file cuts off.
    static func rows(_ bytes: [UInt8]) -> (rows: [ExchangeRow], damage: Damage?) {
        var rows: [ExchangeRow] = []
        var offset = headerSize
        while bytes.count - offset >= 8 {
            let length = Int(UInt32(truncatingIfNeeded: number(bytes, at: offset, width: 4)))
            if length == 0, isZero(bytes[offset...]) { break }
            guard length >= fixedSize - 8 else { return (rows, Damage(offset: offset)) }
            guard bytes.count - offset - 8 >= length else { break }
            let end = offset + 8 + length
            let checksum = number(bytes, at: offset + 4, width: 4)
            guard UInt64(self.checksum(of: bytes[(offset + 8)..<end])) == checksum,
                let row = row(bytes, at: offset, end: end)
            else {
                let isCutOff = checksum == 0 && isZero(bytes[end...])
                return (rows, isCutOff ? nil : Damage(offset: offset))
            }
            rows.append(row)
            offset = end
        }
        return (rows, nil)
    }

    private static func row(_ bytes: [UInt8], at start: Int, end: Int) -> ExchangeRow? {
        let idEnd = start + fixedSize + Int(bytes[start + 35])
        let downloadEnd = idEnd + Int(number(bytes, at: start + 36, width: 4))
        guard downloadEnd <= end, categories.indices.contains(Int(bytes[start + 32])),
            results.indices.contains(Int(bytes[start + 33])),
            let session = SessionID(String(decoding: bytes[(start + fixedSize)..<idEnd], as: UTF8.self)),
            let digest = SHA256Digest(bytes: Array(bytes[(start + 40)..<(start + fixedSize)]))
        else { return nil }
        let flags = bytes[start + 34]
        return ExchangeRow(
            session: session, number: Int64(bitPattern: number(bytes, at: start + 8, width: 8)),
            category: categories[Int(bytes[start + 32])], digest: flags & 2 == 0 ? nil : digest,
            size: Int64(bitPattern: number(bytes, at: start + 16, width: 8)),
            delivered: Int64(bitPattern: number(bytes, at: start + 24, width: 8)), isTruncated: flags & 1 != 0,
            result: results[Int(bytes[start + 33])], download: Array(bytes[idEnd..<downloadEnd]),
            judgement: Array(bytes[downloadEnd..<end]))
    }

    private static func isZero(_ bytes: ArraySlice<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count & ~7, by: 8)
            where unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
            return unsafe bytes[(bytes.count & ~7)...].allSatisfy { $0 == 0 }
        }
    }

    private static func store(
        _ value: some FixedWidthInteger, to bytes: UnsafeMutableRawBufferPointer, at offset: Int
    ) {
        unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }

    private static func number(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64 {
        bytes[offset..<(offset + width)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func checksum(of bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe XXHash32.checksum($0) }
    }
}
