/// The parts of a wheel's file name that say what it holds: `name-version[-build]-python-abi-platform.whl`.
///
/// - SeeAlso: packaging.python.org, "Binary distribution format", file name convention.
struct WheelName: Equatable {
    var name: String
    var version: String

    /// Takes a file name with its percent-escapes undone; `nil` when it is not a wheel's.
    init?(_ fileName: String) {
        guard fileName.hasSuffix(".whl") else { return nil }
        let parts = fileName.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 5 || parts.count == 6, !parts.contains(where: \.isEmpty) else { return nil }
        let isPlain = fileName.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            default: "_.+!-".utf8.contains(byte)
            }
        }
        guard isPlain else { return nil }
        name = String(parts[0])
        version = String(parts[1])
    }

    /// A project name with case and separators made alike (packaging.python.org, "Name normalization").
    static func normalised(_ name: String) -> String {
        var result = ""
        for character in name.lowercased() {
            let mark: Character = character == "_" || character == "." ? "-" : character
            if mark == "-", result.last == "-" { continue }
            result.append(mark)
        }
        return result
    }

    /// The numbers that a version begins with, without zeros at the end: what stays the same however it is written.
    static func release(_ version: String) -> [String] {
        var text = version[...]
        if text.first == "v" || text.first == "V" { text.removeFirst() }
        if let mark = text.firstIndex(of: "!") { text = text[text.index(after: mark)...] }
        let numbers = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var release = numbers.split(separator: ".").map { part in
            let digits = part.drop { $0 == "0" }
            return digits.isEmpty ? "0" : String(digits)
        }
        while release.last == "0" { release.removeLast() }
        return release
    }
}

/// The platforms of a wheel as Debian's architecture names.
enum WheelPlatform {
    /// The architectures of `Tag` values such as `cp311-cp311-manylinux_2_17_x86_64`, in order, joined by blanks.
    static func architectures(ofTags tags: [String]) -> String {
        var found: [String] = []
        for tag in tags {
            guard let platforms = tag.split(separator: "-").dropFirst(2).last else { continue }
            for platform in platforms.split(separator: ".") {
                for architecture in architectures(of: platform.lowercased()) where !found.contains(architecture) {
                    found.append(architecture)
                }
            }
        }
        return found.joined(separator: " ")
    }

    private static let endings: [(ending: String, architectures: [String])] = [
        ("x86_64", ["amd64"]), ("amd64", ["amd64"]), ("aarch64", ["arm64"]), ("arm64", ["arm64"]), ("i386", ["i386"]),
        ("i686", ["i386"]), ("win32", ["i386"]), ("armv7l", ["armhf"]), ("armv6l", ["armhf"]),
        ("ppc64le", ["ppc64el"]), ("ppc64", ["ppc64"]), ("s390x", ["s390x"]), ("riscv64", ["riscv64"]),
        ("loongarch64", ["loong64"]), ("universal2", ["amd64", "arm64"]), ("intel", ["amd64", "i386"]),
    ]

    private static func architectures(of platform: String) -> [String] {
        if platform == "any" { return ["all"] }
        return endings.first { platform.hasSuffix($0.ending) }?.architectures ?? []
    }
}
