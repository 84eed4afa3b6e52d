internal import Core
package import Platform
internal import Storage

/// The credentials of open sessions on their way from one process of the service to the next.
///
/// As bytes: `FSsecret`, a byte with the version 1, then for each session a byte with the length of its id, the id, a byte
/// with the number of its secrets, and for each of these the length of its credentials (32 bits, little endian) and these.
package struct SecretHandover: Sendable {
    /// By session, in the order of its secrets; each is wiped when it is let go.
    private var credentials: [SessionID: [SecretBytes]] = [:]

    private static let start = Array("FSsecret".utf8) + [1]

    /// Bytes that are no handover of this version.
    package struct Fault: Error, Sendable, CustomStringConvertible {
        package let description = "they are not in a form that this release reads"
    }

    /// How many sessions there are.
    package var count: Int { credentials.count }

    /// Writes the credentials of sessions; those of sessions without any, or with lost or wiped ones, are left out.
    ///
    /// - Parameter sessions: Whose secrets nobody wipes meanwhile.
    /// - Returns: `nil` when nothing is left.
    package static func bytes(of sessions: some Sequence<Session>) -> SecretBytes? {
        var entries: [(id: [UInt8], credentials: [SecretBytes])] = []
        for session in sessions {
            guard let all = session.secrets?.all, !all.isEmpty else { continue }
            let kept = all.compactMap { $0.credentials?.original }
            guard kept.count == all.count, !kept.contains(where: \.isWiped) else { continue }
            entries.append((Array(session.id.text.utf8), kept))
        }
        guard !entries.isEmpty else { return nil }
        var bytes = start
        // At once, so that no memory is left behind that was too small.
        bytes.reserveCapacity(
            entries.reduce(start.count) { sum, entry in
                entry.credentials.reduce(sum + entry.id.count + 2) { $0 + $1.count + 4 }
            })
        for (id, credentials) in entries {
            bytes.append(UInt8(id.count))
            bytes += id
            bytes.append(UInt8(credentials.count))
            for credential in credentials {
                bytes += (0..<4).map { UInt8(truncatingIfNeeded: credential.count >> ($0 * 8)) }
                credential.withSpan { span in for index in span.indices { bytes.append(span[index]) } }
            }
        }
        return SecretBytes(taking: &bytes)
    }

    /// Nothing.
    package init() {}

    /// Reads what an earlier process wrote.
    ///
    /// - Throws: ``Fault``.
    package init(_ bytes: SecretBytes) throws(Fault) {
        guard let read = bytes.withSpan({ Self.read($0) }), let read else { throw Fault() }
        credentials = read
    }

    /// Gives away a session's secrets, which are not in here any more.
    ///
    /// - Parameter row: The session as recorded.
    /// - Returns: `nil` when they are not there.
    mutating func take(_ row: SessionRow) -> SessionSecrets? {
        credentials.removeValue(forKey: row.id).flatMap { SessionSecrets(kept: row.secrets, credentials: $0) }
    }

    private static func read(_ bytes: Span<UInt8>) -> [SessionID: [SecretBytes]]? {
        var position = 0
        func next(_ count: Int) -> [UInt8]? {
            guard count <= bytes.count - position else { return nil }
            defer { position += count }
            return (position..<position + count).map { bytes[$0] }
        }
        guard next(start.count) == start else { return nil }
        var sessions: [SessionID: [SecretBytes]] = [:]
        while position < bytes.count {
            guard let length = next(1)?.first, let text = next(Int(length)), let count = next(1)?.first,
                let id = SessionID(String(decoding: text, as: UTF8.self))
            else { return nil }
            for _ in 0..<count {
                guard let length = next(4)?.reversed().reduce(0, { $0 << 8 | Int($1) }), var bytes = next(length) else {
                    return nil
                }
                sessions[id, default: []].append(SecretBytes(taking: &bytes))
            }
        }
        return sessions
    }
}
