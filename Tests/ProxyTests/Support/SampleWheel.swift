import Core
import Cryptography
import Wire

/// A small wheel, good unless told otherwise.
enum SampleWheel {
    static let fileName = "demo-1.0-py3-none-any.whl"

    /// - Parameters:
    ///   - tampered: A member is not what RECORD says.
    ///   - padding: Bytes of a further member, for wheels that do not fit into memory.
    /// - Returns: The wheel's bytes.
    static func bytes(tampered: Bool = false, padding: Int = 0) -> [UInt8] {
        let info = "demo-1.0.dist-info"
        var members: [(name: String, bytes: [UInt8])] = [
            ("demo/__init__.py", Array("answer = 42\n".utf8)),
            ("\(info)/METADATA", Array("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: A sample\n".utf8)),
            ("\(info)/WHEEL", Array("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n".utf8)),
        ]
        if padding > 0 { members.append(("demo/data.bin", noise(padding))) }
        var record = ""
        for (name, bytes) in members {
            let digest = Base64.encode(SHA256Hasher.digest(bytes).bytes).replacing("+", with: "-")
                .replacing("/", with: "_").replacing("=", with: "")
            record += "\(name),sha256=\(digest),\(bytes.count)\n"
        }
        members.append(("\(info)/RECORD", Array((record + "\(info)/RECORD,,\n").utf8)))
        if tampered { members[0].bytes = Array("answer = 43\n".utf8) }
        return zip(members)
    }
}
