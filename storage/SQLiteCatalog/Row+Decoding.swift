internal import Core
internal import Foundation
internal import GRDB

/// Reading columns without the traps of GRDB's subscripts: in a damaged file anything may stand anywhere.
extension Row {
    /// A number; NULL and other types are damage.
    func number(_ index: Int) throws -> Int64 {
        guard let value = try optionalNumber(index) else { throw Self.damage(index) }
        return value
    }

    /// A number or NULL.
    func optionalNumber(_ index: Int) throws -> Int64? {
        switch (self[index] as DatabaseValue).storage {
        case .int64(let value): return value
        case .null: return nil
        default: throw Self.damage(index)
        }
    }

    /// A text.
    func text(_ index: Int) throws -> String {
        guard case .string(let value) = (self[index] as DatabaseValue).storage else { throw Self.damage(index) }
        return value
    }

    /// Bytes.
    func bytes(_ index: Int) throws -> [UInt8] {
        guard case .blob(let value) = (self[index] as DatabaseValue).storage else { throw Self.damage(index) }
        return Array(value)
    }

    /// A digest.
    func digest(_ index: Int) throws -> SHA256Digest {
        guard let value = SHA256Digest(bytes: try bytes(index)) else { throw Self.damage(index) }
        return value
    }

    /// A digest or NULL.
    func optionalDigest(_ index: Int) throws -> SHA256Digest? {
        (self[index] as DatabaseValue).isNull ? nil : try digest(index)
    }

    static func damage(_ index: Int) -> DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "column \(index) does not hold what it should")
    }
}

extension SHA256Digest {
    /// The digest as a column.
    var column: Data { Data(bytes) }

    /// Its first eight bytes, for short index entries.
    var indexKey: Int64 { Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }) }
}
