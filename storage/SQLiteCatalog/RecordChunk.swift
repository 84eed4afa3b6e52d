internal import CLZ4
internal import Core
internal import Foundation
internal import GRDB
internal import Storage

/// Exchanges of one session that were committed together, as one row of the table.
///
/// What is written together is alike, so that its text packs well; and a row costs the database the same whether it holds
/// one exchange or many.
///
/// The column `rows`, all numbers little-endian:
///
///     0   u8        0: the body follows as it is, 1: as an LZ4 block
///     1   u32       bytes of the body
///     5   …         the body
///
/// The body: 60 bytes for each exchange, then the texts of all, `download` and `judgement` of each in turn.
///
///     0   u8        kind, see ``ExchangeKind``
///     1   u8        bit 0: truncated, bit 1: has a digest
///     2   u8        result: 0 unknown, 1 rejected, 2 approved, 255 none
///     3   u8        0
///     4   i64       size
///     12  i64       delivered
///     20  u32       bytes of `download`
///     24  u32       bytes of `judgement`
///     28  32 bytes  SHA-256, zeros without one
struct RecordChunk {
    /// An exchange, and whether it is the session's first of its artifact.
    struct Item {
        var row: ExchangeRow
        var isFirst: Bool

        /// `kind` in the chunk.
        var kind: Int64 { isFirst ? ExchangeKind.firstOfArtifact : ExchangeKind.code(row.category) }
    }

    /// Exchanges in one chunk; bounds what changing one of them later costs.
    static let mostItems = 64
    /// Bytes of text after which a chunk takes no more exchanges.
    static let mostText = 128 << 10
    private static let headSize = 60
    /// The largest body that is read back: one exchange may be larger than `mostText`.
    private static let largestBody = 64 << 20

    /// In the order of their numbers, which follow each other.
    var items: [Item]

    /// Bits of the kinds that are no artifacts (1 << kind).
    var others: Int64 {
        items.reduce(0) { $0 | ($1.row.category == .artifact ? 0 : 1 << ExchangeKind.code($1.row.category)) }
    }
    /// Artifacts whose inspection has not concluded.
    var unconcluded: Int { items.count { $0.row.category == .artifact && $0.row.result == nil } }
    /// Exchanges that are the first of their artifact.
    var firsts: Int { items.count { $0.isFirst } }
    var delivered: Int64 { items.reduce(0) { $0 + $1.row.delivered } }

    // MARK: - Writing

    /// The column's content.
    func encoded() -> Data {
        let text = items.reduce(0) { $0 + $1.row.download.count + $1.row.judgement.count }
        var body: [UInt8] = []
        body.reserveCapacity(items.count * Self.headSize + text)
        for item in items { Self.appendHead(item, to: &body) }
        for item in items {
            body += item.row.download
            body += item.row.judgement
        }
        let packed = items.count > 1 ? Self.packed(body) : nil
        var data = Data(capacity: 5 + (packed?.count ?? body.count))
        data.append(packed == nil ? 0 : 1)
        for shift in [0, 8, 16, 24] { data.append(UInt8(truncatingIfNeeded: body.count >> shift)) }
        data.append(contentsOf: packed ?? body)
        return data
    }

    private static func appendHead(_ item: Item, to body: inout [UInt8]) {
        let row = item.row
        body.append(UInt8(item.kind))
        body.append((row.isTruncated ? 1 : 0) | (row.digest == nil ? 0 : 2))
        body.append(row.result.map { UInt8(SQLiteRecords.code($0)) } ?? 255)
        body.append(0)
        append(UInt64(bitPattern: row.size), bytes: 8, to: &body)
        append(UInt64(bitPattern: row.delivered), bytes: 8, to: &body)
        append(UInt64(row.download.count), bytes: 4, to: &body)
        append(UInt64(row.judgement.count), bytes: 4, to: &body)
        if let digest = row.digest {
            body += digest.bytes
        } else {
            body.append(contentsOf: repeatElement(0, count: 32))
        }
    }

    private static func append(_ value: UInt64, bytes: Int, to body: inout [UInt8]) {
        for index in 0..<bytes { body.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }

    /// The body as an LZ4 block, when that is smaller.
    private static func packed(_ body: [UInt8]) -> [UInt8]? {
        let packed = unsafe [UInt8](unsafeUninitializedCapacity: body.count) { room, count in
            // The C function reads and writes within the sizes that it is given.
            let written = unsafe body.withUnsafeBytes { source in
                unsafe LZ4_compress_fast(
                    source.baseAddress, room.baseAddress, Int32(source.count), Int32(room.count), 2)
            }
            count = max(0, Int(written))
        }
        return packed.isEmpty ? nil : packed
    }

    // MARK: - Reading

    /// Reads a column, with the exchanges that are wanted.
    ///
    /// - Parameters:
    ///   - data: What ``encoded()`` has made.
    ///   - session: Whose it is.
    ///   - first: The number of the first exchange.
    ///   - count: How many exchanges there are.
    /// - Throws: `SQLITE_CORRUPT` for anything else.
    init(_ data: [UInt8], session: SessionID, first: Int64, count: Int64) throws {
        let body = try Self.body(data)
        guard count > 0, count <= Self.mostItems, body.count >= Int(count) * Self.headSize else { throw Self.damage }
        var text = Int(count) * Self.headSize
        items = []
        items.reserveCapacity(Int(count))
        for index in 0..<Int(count) {
            let head = body[index * Self.headSize..<(index + 1) * Self.headSize]
            let start = head.startIndex
            let download = Int(Self.number(head, start + 20, bytes: 4))
            let judgement = Int(Self.number(head, start + 24, bytes: 4))
            guard let category = ExchangeKind.category(Int64(head[start])), body.count - text >= download + judgement
            else {
                throw Self.damage
            }
            let row = ExchangeRow(
                session: session, number: first + Int64(index), category: category,
                digest: head[start + 1] & 2 == 0 ? nil : SHA256Digest(bytes: Array(head[(start + 28)...])),
                size: Int64(bitPattern: Self.number(head, start + 4, bytes: 8)),
                delivered: Int64(bitPattern: Self.number(head, start + 12, bytes: 8)),
                isTruncated: head[start + 1] & 1 != 0, result: try Self.result(head[start + 2]),
                download: Array(body[text..<text + download]),
                judgement: Array(body[text + download..<text + download + judgement]))
            text += download + judgement
            items.append(Item(row: row, isFirst: Int64(head[start]) == ExchangeKind.firstOfArtifact))
        }
        guard text == body.count else { throw Self.damage }
    }

    /// Makes a chunk to be written.
    init(items: [Item]) { self.items = items }

    private static func body(_ data: [UInt8]) throws -> [UInt8] {
        guard data.count >= 5 else { throw damage }
        let size = Int(number(data[...], 1, bytes: 4))
        guard size <= largestBody else { throw damage }
        if data[0] == 0 {
            guard data.count == 5 + size else { throw damage }
            return Array(data[5...])
        }
        guard data[0] == 1 else { throw damage }
        let body = unsafe [UInt8](unsafeUninitializedCapacity: size) { room, count in
            let written = unsafe data.withUnsafeBytes { source in
                unsafe LZ4_decompress_safe(
                    source.baseAddress.map { unsafe $0 + 5 }, room.baseAddress, Int32(source.count - 5),
                    Int32(room.count))
            }
            count = max(0, Int(written))
        }
        guard body.count == size else { throw damage }
        return body
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ start: Int, bytes count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * $1) }
    }

    private static func result(_ code: UInt8) throws -> ExchangeRow.Result? {
        switch code {
        case 0: .unknown
        case 1: .rejected
        case 2: .approved
        case 255: nil
        default: throw damage
        }
    }

    private static var damage: DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a chunk of exchanges does not hold what it should")
    }
}
