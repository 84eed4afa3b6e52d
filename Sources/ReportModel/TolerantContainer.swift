/// Reads members that may be absent or null.
struct TolerantContainer<Key: CodingKey> {
    private let container: KeyedDecodingContainer<Key>

    init(_ decoder: any Decoder) throws { container = try decoder.container(keyedBy: Key.self) }

    func value<Value: Decodable>(_ key: Key) throws -> Value? { try container.decodeIfPresent(Value.self, forKey: key) }

    func text(_ key: Key) throws -> String { try value(key) ?? "" }

    func list<Element: Decodable>(_ key: Key) throws -> [Element] { try value(key) ?? [] }

    func map<Element: Decodable>(_ key: Key) throws -> [String: Element] { try value(key) ?? [:] }
}
