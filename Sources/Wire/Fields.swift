/// A header or trailer section: fields in the order in which they came.
///
/// All lines live in one buffer in canonical form (`Name: value CR LF`), so that parsing a section and writing it again
/// are one copy each. Names compare without regard to ASCII case and keep the case they came with; values are raw bytes.
package struct Fields: Sendable {
    /// Where one line stands in ``storage``; the value begins two bytes after the name, two bytes end the line.
    struct Entry: Sendable {
        var start: UInt32
        var nameLength: UInt32
        var valueLength: UInt32

        var name: Range<Int> { Int(start)..<Int(start) + Int(nameLength) }
        var value: Range<Int> {
            let first = Int(start) + Int(nameLength) + 2
            return first..<first + Int(valueLength)
        }
        var line: Range<Int> { Int(start)..<Int(start) + Int(nameLength) + Int(valueLength) + 4 }
    }

    var storage: [UInt8]
    var entries: [Entry]

    /// An empty section; allocates nothing.
    package init() {
        storage = []
        entries = []
    }

    init(storage: [UInt8], entries: [Entry]) {
        self.storage = storage
        self.entries = entries
    }

    /// The number of field lines.
    package var count: Int { entries.count }

    package var isEmpty: Bool { entries.isEmpty }

    /// The number of bytes that ``serialise(into:)`` appends.
    package var serialisedSize: Int { entries.reduce(0) { $0 + $1.line.count } }

    /// Whether the text may be a field name.
    package static func isValidName(_ name: String) -> Bool { ASCII.isToken(name.utf8Span.span) }

    /// Whether both name the same field (RFC 9110, section 5.1: without regard to case).
    package static func isSameName(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count && ASCII.equalIgnoringCase(one.utf8Span.span, other.utf8Span.span)
    }

    /// Whether the text may be a field value as it is.
    package static func isValidValue(_ value: String) -> Bool { value.utf8.allSatisfy(ASCII.isFieldContent) }

    /// Appends a field line.
    ///
    /// - Precondition: the name is a token; ask ``isValidName(_:)`` about names from outside.
    /// - Parameters:
    ///   - name: the field name.
    ///   - value: the value; blanks and control bytes at its ends are dropped, others become spaces, so that no value can
    ///     make a second line.
    package mutating func append(_ name: String, _ value: String) {
        append(name: name.utf8Span.span, value: value.utf8Span.span)
    }

    /// Appends a field line; see ``append(_:_:)``.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        precondition(ASCII.isToken(name), "a field name must be a token")
        var (first, end) = (0, value.count)
        while first < end, value[first] <= ASCII.space || value[first] == 0x7F { first += 1 }
        while first < end, value[end - 1] <= ASCII.space || value[end - 1] == 0x7F { end -= 1 }
        let kept = value.extracting(first..<end)
        let start = storage.count
        storage.append(copying: name)
        storage.append(ASCII.colon)
        storage.append(ASCII.space)
        storage.append(copying: kept)
        for index in storage.count - kept.count..<storage.count where !ASCII.isFieldContent(storage[index]) {
            storage[index] = ASCII.space
        }
        storage.append(ASCII.carriageReturn)
        storage.append(ASCII.lineFeed)
        entries.append(
            Entry(start: UInt32(start), nameLength: UInt32(name.count), valueLength: UInt32(kept.count)))
    }

    /// Replaces all lines of that name by one at the end.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Removes all lines of that name.
    package mutating func remove(_ name: String) {
        guard contains(name) else { return }
        removeAll { ASCII.equalIgnoringCase($0, name.utf8Span.span) }
    }

    /// Removes all lines whose name fulfils the condition.
    package mutating func removeAll(where condition: (_ name: Span<UInt8>) -> Bool) {
        let storage = storage
        let bytes = storage.span
        entries.removeAll { condition(bytes.extracting($0.name)) }
    }

    /// Removes all lines whose lower-case name is in the set.
    package mutating func removeAll(named names: Set<String>) {
        removeAll { names.contains(ASCII.lowercased(String(copying: $0))) }
    }

    /// Whether a line of that name exists.
    package func contains(_ name: String) -> Bool { firstIndex(name) != nil }

    /// How many lines have that name.
    package func count(of name: String) -> Int {
        var lines = 0
        for entry in entries where matches(entry, name) { lines += 1 }
        return lines
    }

    /// The value of the first line of that name, decoded as UTF-8 with replacement characters.
    package func first(_ name: String) -> String? {
        firstIndex(name).map { String(copying: storage.span.extracting(entries[$0].value)) }
    }

    /// The values of all lines of that name.
    package func all(_ name: String) -> [String] {
        var values: [String] = []
        for entry in entries where matches(entry, name) {
            values.append(String(copying: storage.span.extracting(entry.value)))
        }
        return values
    }

    /// Calls `body` for each line in order.
    package func forEach(_ body: (_ name: String, _ value: String) -> Void) {
        let bytes = storage.span
        for entry in entries {
            body(String(copying: bytes.extracting(entry.name)), String(copying: bytes.extracting(entry.value)))
        }
    }

    /// Calls `body` with the raw bytes of each line in order; copies nothing.
    package func forEachRaw(_ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Void) {
        let bytes = storage.span
        for entry in entries { body(bytes.extracting(entry.name), bytes.extracting(entry.value)) }
    }

    /// Calls `body` for each name in the order of its first line, with that name's lines in their order; copies nothing.
    ///
    /// - Parameters:
    ///   - begin: called with each name in its first spelling.
    ///   - body: called with the name and the value of each of its lines.
    ///   - end: called when these are over.
    package func forEachName(
        begin: (_ name: Span<UInt8>) -> Void, body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Void,
        end: () -> Void
    ) {
        let bytes = storage.span
        func isSame(_ one: Int, _ other: Int) -> Bool {
            entries[one].nameLength == entries[other].nameLength
                && ASCII.equalIgnoringCase(
                    bytes.extracting(entries[one].name), bytes.extracting(entries[other].name))
        }
        for index in entries.indices where !(0..<index).contains(where: { isSame($0, index) }) {
            begin(bytes.extracting(entries[index].name))
            for other in index..<entries.count where other == index || isSame(index, other) {
                body(bytes.extracting(entries[other].name), bytes.extracting(entries[other].value))
            }
            end()
        }
    }

    /// Lends the raw value of the first line of that name; copies nothing.
    package func withFirst<R>(_ name: String, _ body: (Span<UInt8>) -> R) -> R? {
        guard let index = firstIndex(name) else { return nil }
        return body(storage.span.extracting(entries[index].value))
    }

    /// Whether the first line of that name has exactly these bytes as its value; copies nothing.
    package func firstIs(_ name: String, _ value: [UInt8]) -> Bool {
        withFirst(name) { bytes in
            guard bytes.count == value.count else { return false }
            for index in bytes.indices where bytes[index] != value[index] { return false }
            return true
        } ?? false
    }

    /// Whether the first line of that name has this value, without regard to ASCII case; copies nothing.
    package func hasValue(_ name: String, _ value: String) -> Bool {
        withFirst(name) { ASCII.equalIgnoringCase($0, value.utf8Span.span) } ?? false
    }

    /// Appends `Name: value CR LF` for each line, without the empty line that ends a section.
    package func serialise(into out: inout [UInt8]) {
        let bytes = storage.span
        var index = 0
        while index < entries.count {
            // Neighbours that follow each other in the buffer too are copied together.
            let start = entries[index].line.lowerBound
            var end = entries[index].line.upperBound
            index += 1
            while index < entries.count, entries[index].line.lowerBound == end {
                end = entries[index].line.upperBound
                index += 1
            }
            out.append(copying: bytes.extracting(start..<end))
        }
    }

    private func firstIndex(_ name: String) -> Int? {
        let wanted = name.utf8Span.span
        let bytes = storage.span
        for index in entries.indices where Int(entries[index].nameLength) == wanted.count {
            if ASCII.equalIgnoringCase(bytes.extracting(entries[index].name), wanted) { return index }
        }
        return nil
    }

    func matches(_ entry: Entry, _ name: String) -> Bool {
        name.utf8.count == Int(entry.nameLength)
            && ASCII.equalIgnoringCase(storage.span.extracting(entry.name), name.utf8Span.span)
    }
}

extension Fields: Equatable {
    /// Whether both have the same lines in the same order; names compare without regard to case.
    package static func == (a: Fields, b: Fields) -> Bool {
        guard a.entries.count == b.entries.count else { return false }
        let (left, right) = (a.storage.span, b.storage.span)
        for index in a.entries.indices {
            let (x, y) = (a.entries[index], b.entries[index])
            guard ASCII.equalIgnoringCase(left.extracting(x.name), right.extracting(y.name)),
                x.valueLength == y.valueLength
            else { return false }
            for (i, j) in zip(x.value, y.value) where left[i] != right[j] { return false }
        }
        return true
    }
}

extension Fields: CustomStringConvertible {
    /// The section as it would be sent; it may hold credentials, so it is for tests and never for logs.
    package var description: String {
        var out: [UInt8] = []
        serialise(into: &out)
        return String(decoding: out, as: UTF8.self)
    }
}
