import Glibc

/// One variable to set, or with `nil` to remove.
struct EnvironmentChange: Hashable, Sendable {
    var name: String
    var value: String?

    init(_ name: String, _ value: String?) {
        self.name = name
        self.value = value
    }
}

/// The variables of a process, kept as bytes, so that what is not text reaches a child unharmed.
struct ProcessEnvironment: Sendable, Equatable {
    /// `NAME=value` each.
    private(set) var entries: [[UInt8]]

    init(entries: [[UInt8]]) { self.entries = entries }

    init(_ values: [String: String]) {
        entries = values.sorted { $0.key < $1.key }.map { Array("\($0.key)=\($0.value)".utf8) }
    }

    /// The variables of this process.
    static func current() -> ProcessEnvironment {
        var entries: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return ProcessEnvironment(entries: entries)
    }

    /// The value of a variable, `nil` when it is not set.
    subscript(name: String) -> String? {
        entries.first { Self.isNamed(name, $0) }
            .map { String(decoding: $0.dropFirst(name.utf8.count + 1), as: UTF8.self) }
    }

    /// The names of all variables, in their order.
    var names: [String] {
        entries.compactMap { entry in
            entry.firstIndex(of: UInt8(ascii: "=")).map { String(decoding: entry[..<$0], as: UTF8.self) }
        }
    }

    /// Sets and removes variables; others keep their bytes and their place.
    mutating func apply(_ changes: [EnvironmentChange]) {
        for change in changes {
            entries.removeAll { Self.isNamed(change.name, $0) }
            if let value = change.value { entries.append(Array("\(change.name)=\(value)".utf8)) }
        }
    }

    private static func isNamed(_ name: String, _ entry: [UInt8]) -> Bool {
        entry.starts(with: name.utf8) && entry.dropFirst(name.utf8.count).first == UInt8(ascii: "=")
    }
}
