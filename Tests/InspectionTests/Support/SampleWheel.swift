import Core
import Cryptography
import Wire

/// A small wheel, right in everything unless a test changes it.
struct SampleWheel {
    var name = "demo_pkg"
    var version = "1.2.3"
    var metadata: String? = """
        Metadata-Version: 2.1
        Name: demo-pkg
        Version: 1.2.3
        Summary: A demonstration
        Author: Ada Example
        Author-email: ada@people.example
        License-Expression: MIT OR Apache-2.0
        Classifier: License :: OSI Approved :: MIT License

        Name: not this one
        """
    var wheel = "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64\n"
    var files: [ArchiveBuilder.Member] = [
        ArchiveBuilder.Member(name: "demo/__init__.py", bytes: Array("print('hello')\n".utf8)),
        ArchiveBuilder.Member(name: "demo/data,with comma.txt", bytes: Array("a,b\n".utf8)),
    ]
    /// Changes the lines of RECORD, without line ends.
    var editRecord: ([String]) -> [String] = { $0 }
    var hasRecord = true

    var directory: String { "\(name)-\(version).dist-info" }

    var listed: [ArchiveBuilder.Member] {
        var members = files
        if let metadata {
            members.append(ArchiveBuilder.Member(name: "\(directory)/METADATA", bytes: Array(metadata.utf8)))
        }
        members.append(ArchiveBuilder.Member(name: "\(directory)/WHEEL", bytes: Array(wheel.utf8)))
        return members
    }

    static func line(_ path: String, _ digest: String, _ size: Int) -> String {
        let shown = path.contains(",") ? "\"\(path)\"" : path
        return "\(shown),\(digest),\(size)"
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func sha256(_ bytes: [UInt8]) -> String { "sha256=\(base64URL(SHA256Hasher.digest(bytes).bytes))" }

    static func long(_ variant: LongSHA2Hasher.Variant, _ bytes: [UInt8]) -> String {
        var hasher = LongSHA2Hasher(variant)
        bytes.withUnsafeBytes { hasher.update($0) }
        return "\(variant.rawValue)=\(base64URL(hasher.finish()))"
    }

    var members: [ArchiveBuilder.Member] {
        var members = listed
        guard hasRecord else { return members }
        var lines = members.map { Self.line($0.name, Self.sha256($0.bytes), $0.bytes.count) }
        lines.append("\(directory)/RECORD,,")
        let record = editRecord(lines).joined(separator: "\n") + "\n"
        members.append(ArchiveBuilder.Member(name: "\(directory)/RECORD", bytes: Array(record.utf8)))
        return members
    }

    var bytes: [UInt8] { ArchiveBuilder.zip(members) }
}
