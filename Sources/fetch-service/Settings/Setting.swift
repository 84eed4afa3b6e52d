/// One thing that the operator may choose, with everything that is to be known of it.
///
/// ``all`` is the only place where settings are listed: the parser of `service.yaml`, the environment variables, the
/// complaints of `--check-config`, the effective values that it prints, what can be changed by a reload, and
/// `docs/configuration.md` come from there.
struct Setting: Sendable {
    /// The name, with the section in front: `cache.size`.
    let key: String
    /// Of what type it is, and which values there may be; for the reference.
    let type: String
    let limits: String
    /// What it is, in one sentence.
    let summary: String
    /// The command line flag that sets it, if there is one.
    let flag: String?
    /// Environment variables beside its own that set it, the first that is there counts.
    let otherVariables: [String]
    /// Whether a reload changes it in the running service; otherwise it takes effect at the next start.
    let isLive: Bool

    /// Reads a value into the settings.
    let assign: @Sendable (inout ServiceSettings, GivenValue) throws(SettingProblem) -> Void
    /// The value in the settings, as it is written in the file; secrets in it are masked.
    let text: @Sendable (ServiceSettings) -> String
    /// Whether the value is the same in both.
    let isSame: @Sendable (ServiceSettings, ServiceSettings) -> Bool
    /// Takes the value of the second over into the first.
    let copy: @Sendable (inout ServiceSettings, ServiceSettings) -> Void

    init<Value>(
        _ key: String, _ path: any WritableKeyPath<ServiceSettings, Value> & Sendable, _ type: SettingType<Value>,
        _ summary: String, flag: String? = nil, otherVariables: [String] = [], isLive: Bool = false
    ) {
        self.key = key
        self.type = type.name
        limits = type.limits
        self.summary = summary
        self.flag = flag
        self.otherVariables = otherVariables
        self.isLive = isLive
        assign = { (settings, given) throws(SettingProblem) in settings[keyPath: path] = try type.read(given) }
        text = { type.write($0[keyPath: path]) }
        isSame = { $0[keyPath: path] == $1[keyPath: path] }
        copy = { $0[keyPath: path] = $1[keyPath: path] }
    }

    /// The environment variable that sets it.
    var variable: String {
        "FETCH_SERVICE_" + key.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    /// The part of the key before the dot; empty for a key without a section.
    var section: String { key.firstIndex(of: ".").map { String(key[..<$0]) } ?? "" }

    /// The setting of a key.
    static func named(_ key: String) -> Setting? { byKey[key] }

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

    /// The key that somebody meant who wrote another one, if any is near.
    static func nearest(to key: String) -> String? {
        nearest(to: key, among: all.map(\.key), separator: ".")
    }

    /// Of some words, the one that somebody meant who wrote another one; the end behind a separator is enough.
    static func nearest(to word: String, among candidates: [String], separator: Character) -> String? {
        let last = word.split(separator: separator).last
        func distance(_ candidate: String) -> Int {
            let isSameBehindIt = candidate.split(separator: separator).last == last
            return isSameBehindIt ? 0 : editDistance(Array(word.utf8), Array(candidate.utf8))
        }
        let best = candidates.map { (word: $0, distance: distance($0)) }.min { $0.distance < $1.distance }
        guard let best, best.distance <= max(2, min(word.utf8.count, 64) / 4) else { return nil }
        return best.word
    }

    /// How many insertions, removals and replacements make one out of the other (Wagner and Fischer).
    private static func editDistance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        // A key is short; of a longer word the beginning tells enough.
        let (one, other) = (one.prefix(64), other.prefix(64))
        var row = Array(0...other.count)
        for (line, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, candidate) in other.enumerated() {
                let replaced = diagonal + (byte == candidate ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[other.count]
    }
}
