internal import Core
internal import Storage

/// The bytes of a journal file, version 1.
///
/// A file is a header and entries, one after the other without gaps, or empty. All numbers are little-endian.
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
/// The end of the process in the middle of a write leaves an entry that the file is too short for.
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

    static func append(_ row: ExchangeRow, to bytes: inout [UInt8]) {
        let start = bytes.count
        let id = row.session.text.utf8
        append(UInt32(fixedSize - 8 + id.count + row.download.count + row.judgement.count), to: &bytes)
        append(UInt32(0), to: &bytes)
        append(UInt64(bitPattern: row.number), to: &bytes)
        append(UInt64(bitPattern: row.size), to: &bytes)
        append(UInt64(bitPattern: row.delivered), to: &bytes)
        bytes.append(UInt8(categories.firstIndex(of: row.category) ?? 0))
        bytes.append(UInt8(results.firstIndex(of: row.result) ?? 0))
        bytes.append((row.isTruncated ? 1 : 0) | (row.digest == nil ? 0 : 2))
        bytes.append(UInt8(id.count))
        append(UInt32(row.download.count), to: &bytes)
        bytes += row.digest?.bytes ?? [UInt8](repeating: 0, count: 32)
        bytes += id
        bytes += row.download
        bytes += row.judgement
        let checksum = checksum(of: bytes[(start + 8)...])
        for index in 0..<4 { bytes[start + 4 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index))) }
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
            guard length >= fixedSize - 8 else { return (rows, Damage(offset: offset)) }
            guard bytes.count - offset - 8 >= length else { break }
            let body = bytes[(offset + 8)..<(offset + 8 + length)]
            guard UInt64(checksum(of: body)) == number(bytes, at: offset + 4, width: 4),
                let row = row(bytes, at: offset, end: offset + 8 + length)
            else { return (rows, Damage(offset: offset)) }
            rows.append(row)
            offset += 8 + length
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

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        var rest = value.littleEndian
        for _ in 0..<(value.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    private static func number(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64 {
        bytes[offset..<(offset + width)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func checksum(of bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe XXHash32.checksum($0) }
    }
}
