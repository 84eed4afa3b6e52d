import Core
import Platform

/// What a setting was given, before it is read.
enum GivenValue: Sendable, Equatable {
    case text(String)
    case list([String])
}

/// Why a value cannot be used: a clause that says what to write instead.
struct SettingProblem: Error, CustomStringConvertible {
    let description: String
}

/// How the values of one type are read, checked and written.
struct SettingType<Value: Sendable & Equatable>: Sendable {
    /// What the reference calls it.
    let name: String
    /// Which values there may be, for the reference; empty when there is nothing to say.
    let limits: String
    let read: @Sendable (GivenValue) throws(SettingProblem) -> Value
    let write: @Sendable (Value) -> String

    /// A type whose values are single words; `read` gives `nil` for what is none.
    ///
    /// - Parameters:
    ///   - name: What the reference calls it.
    ///   - limits: Which values there may be.
    ///   - advice: What to write instead of a word that is no value.
    ///   - isSecret: Whether complaints must not repeat the word.
    ///   - read: Reads a word.
    ///   - write: The opposite.
    init(
        _ name: String, limits: String, advice: String, isSecret: Bool = false,
        read: @escaping @Sendable (String) -> Value?, write: @escaping @Sendable (Value) -> String
    ) {
        self.init(name: name, limits: limits) { (given) throws(SettingProblem) in
            guard case .text(let text) = given else {
                throw SettingProblem(description: "one value is expected, not a list; \(advice)")
            }
            guard let value = read(text) else {
                let shown = isSecret ? "the value" : "'\(escapedForDisplay(text, limit: 80))'"
                throw SettingProblem(description: "\(shown) cannot be used; \(advice)")
            }
            return value
        } write: {
            write($0)
        }
    }

    private init(
        name: String, limits: String, read: @escaping @Sendable (GivenValue) throws(SettingProblem) -> Value,
        write: @escaping @Sendable (Value) -> String
    ) {
        self.name = name
        self.limits = limits
        self.read = read
        self.write = write
    }
}

extension SettingType where Value: FixedWidthInteger {
    /// A whole number.
    static func count(_ range: ClosedRange<Value>) -> Self {
        let limits = "\(range.lowerBound) to \(range.upperBound)"
        return Self("number", limits: limits, advice: "write a whole number from \(limits)") { text in
            Value(text).flatMap { range.contains($0) ? $0 : nil }
        } write: {
            "\($0)"
        }
    }

    /// An amount of bytes.
    static func bytes(_ range: ClosedRange<Value>) -> Self {
        let bounds = [range.lowerBound, range.upperBound].map { ByteAmount(bytes: Int64($0)).text }
        let limits = "\(bounds[0]) to \(bounds[1])"
        return Self("bytes", limits: limits, advice: "write an amount such as 500M or 20G, from \(limits)") { text in
            ByteAmount(text).flatMap { Value(exactly: $0.bytes) }.flatMap { range.contains($0) ? $0 : nil }
        } write: {
            ByteAmount(bytes: Int64($0)).text
        }
    }
}

extension SettingType where Value == Duration {
    /// A duration.
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let limits = "\(DurationText.write(range.lowerBound)) to \(DurationText.write(range.upperBound))"
        return Self(
            "duration", limits: limits,
            advice: "write a duration such as 250ms, 30s, 5m or 6h (a plain number is seconds), from \(limits)"
        ) { text in
            DurationText.read(text).flatMap { range.contains($0) ? $0 : nil }
        } write: {
            DurationText.write($0)
        }
    }
}

extension SettingType where Value == Bool {
    /// Yes or no.
    static var flag: Self {
        Self("boolean", limits: "", advice: "write true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        } write: {
            $0 ? "true" : "false"
        }
    }
}

extension SettingType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a few words.
    static var choice: Self {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Self("choice", limits: words, advice: "write one of: \(words)") { text in
            Value(rawValue: text)
        } write: {
            $0.rawValue
        }
    }
}

extension SettingType where Value == String {
    /// The path of a file or folder; a relative one is made absolute, since it goes into answers and files.
    static var path: Self {
        let advice = "write a path; '~' at its beginning means something only to a shell, so write the folder itself"
        return Self("path", limits: "", advice: advice) { text in
            text.isEmpty || text.hasPrefix("~") ? nil : Kernel.absolutePath(text)
        } write: {
            $0
        }
    }

    /// Where to listen.
    static var address: Self {
        Self("address", limits: "", advice: "write an IPv4 or IPv6 address, such as 127.0.0.1 or ::1") { text in
            SocketAddress(ip: text, port: 0) == nil ? nil : text
        } write: {
            $0
        }
    }

    /// Text in whatever form.
    static var text: Self {
        Self("text", limits: "", advice: "write a text") {
            $0
        } write: {
            $0
        }
    }
}

extension SettingType where Value == [String] {
    /// Words: a list, or one text with commas or spaces between them.
    static var words: Self {
        Self(name: "list", limits: "") { (given) throws(SettingProblem) in
            switch given {
            case .list(let words): words
            case .text(let text): text.split { $0 == "," || $0 == " " }.map(String.init)
            }
        } write: {
            "[\($0.joined(separator: ", "))]"
        }
    }
}

extension SettingType where Value == [IPNetwork] {
    /// Networks or single addresses.
    static var networks: Self {
        Self(name: "list", limits: "networks or addresses") { (given) throws(SettingProblem) in
            var networks: [IPNetwork] = []
            for word in try SettingType<[String]>.words.read(given) {
                guard let network = IPNetwork(word) else {
                    throw SettingProblem(
                        description: "'\(escapedForDisplay(word, limit: 80))' is no network; "
                            + "write 10.0.0.0/8 or fd00::/8")
                }
                networks.append(network)
            }
            return networks
        } write: {
            "[\($0.map(\.description).joined(separator: ", "))]"
        }
    }
}

extension SettingType {
    /// The same, or `auto`, which leaves the choice to the service.
    ///
    /// - Parameters:
    ///   - type: What it is otherwise.
    ///   - meaning: What `auto` comes to.
    /// - Returns: The type.
    static func orAuto<Wrapped>(_ type: SettingType<Wrapped>, _ meaning: String) -> Self where Value == Wrapped? {
        let limits = [type.limits, "`auto`: \(meaning)"].filter { !$0.isEmpty }.joined(separator: "; ")
        return Self(name: type.name, limits: limits) { (given) throws(SettingProblem) in
            given == .text("auto") ? nil : try type.read(given)
        } write: { value in
            value.map { type.write($0) } ?? "auto"
        }
    }
}
