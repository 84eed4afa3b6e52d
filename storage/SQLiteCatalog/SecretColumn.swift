internal import Core
internal import Storage

/// A session's secrets as a column: empty without any, else JSON.
///
///     [{"allow-http":false,"type":"basic-auth","url":"https://a.example:443/**"}, …]
enum SecretColumn {
    static func bytes(_ secrets: [SecretRow]) -> [UInt8] {
        guard !secrets.isEmpty else { return [] }
        return JSONValue.list(
            secrets.map {
                ["allow-http": .bool($0.allowsHTTP), "type": .string($0.type.rawValue), "url": .string($0.url)]
            }
        ).json
    }

    /// Reads a column; `nil` for anything that ``bytes(_:)`` does not write.
    static func secrets(_ bytes: [UInt8]) -> [SecretRow]? {
        guard !bytes.isEmpty else { return [] }
        guard let entries = (try? JSONValue(parsing: bytes))?.list else { return nil }
        var secrets: [SecretRow] = []
        for entry in entries {
            guard let type = entry["type"]?.text.flatMap(SecretType.init(rawValue:)), let url = entry["url"]?.text,
                let allowsHTTP = entry["allow-http"]?.bool
            else { return nil }
            secrets.append(SecretRow(type: type, url: url, allowsHTTP: allowsHTTP))
        }
        return secrets
    }
}
