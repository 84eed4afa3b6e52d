import Core
import Platform
import Storage
import Testing

@testable import Sessions

@Suite struct SecretHandoverTests {
    private func secrets(_ name: String) throws -> SessionSecrets {
        let json = """
            [{"type": "basic-auth", "url": "https://git.example/**", "basic-credentials": "\(name):pass:word"},
             {"type": "macaroon", "url": "https://*.store.example/**", "macaroon-credentials": "root=\(name)"},
             {"type": "keystone-v3", "url": "https://id.example/v3/auth/tokens", "keystone-v3-credentials": "\(name):ö"}]
            """
        return try SessionSecrets(declared: try #require(try JSONValue(parsing: Array(json.utf8)).list))
    }

    private func session(_ id: String, _ secrets: SessionSecrets?) throws -> Session {
        Session(
            row: SessionRow(
                id: try #require(SessionID(id)), policy: .strict, created: WallTime.now(), timeout: 600,
                tokenHash: SHA256Digest(words: (0, 0, 0, 0)), redactionKey: [],
                secrets: secrets?.rows ?? []),
            secrets: secrets)
    }

    private func bytes(_ all: [UInt8]) -> SecretBytes {
        var all = all
        return SecretBytes(taking: &all)
    }

    private func originals(_ secrets: SessionSecrets?) -> [String]? {
        secrets?.all.map { String(decoding: $0.credentials?.original.copy() ?? [], as: UTF8.self) }
    }

    @Test func `every session gets its own secrets, once`() throws {
        let sessions = [try session("one", secrets("a")), try session("two", secrets("b")), try session("none", nil)]
        let bytes = try #require(SecretHandover.bytes(of: sessions))
        var handover = try SecretHandover(bytes)
        #expect(handover.count == 2)
        let two = handover.take(sessions[1].row)
        #expect(originals(two) == ["b:pass:word", "root=b", "b:ö"])
        #expect(two?.rows == sessions[1].row.secrets && two?.areLost == false)
        #expect(two?.all[0].credentials?.authorization?.copy() == Array("Basic YjpwYXNzOndvcmQ=".utf8))
        #expect(handover.take(sessions[1].row) == nil)
        #expect(originals(handover.take(sessions[0].row)) == ["a:pass:word", "root=a", "a:ö"])
        #expect(handover.take(sessions[2].row) == nil)
    }

    @Test func `sessions whose secrets are lost or wiped are left out`() throws {
        let wiped = try secrets("a")
        wiped.wipe()
        let lost = SessionSecrets(lost: try secrets("b").rows)
        #expect(SecretHandover.bytes(of: [try session("one", wiped), try session("two", lost)]) == nil)
    }

    @Test func `credentials for other secrets than the record's are not used`() throws {
        let one = try session("one", secrets("a"))
        var handover = try SecretHandover(try #require(SecretHandover.bytes(of: [one])))
        var row = one.row
        row.secrets.removeLast()
        #expect(handover.take(row) == nil)
    }

    @Test func `what is torn or of another version is refused`() throws {
        let whole = try #require(SecretHandover.bytes(of: [try session("one", secrets("a"))])?.copy())
        // Every cut but those between two sessions: none, and all.
        for count in 0..<whole.count where count != 9 {
            #expect(throws: SecretHandover.Fault.self, "\(count) of \(whole.count)") {
                try SecretHandover(bytes(Array(whole[..<count])))
            }
        }
        var other = whole
        other[8] = 2
        #expect(throws: SecretHandover.Fault.self) { try SecretHandover(bytes(other)) }
        var huge = whole
        for index in 14..<18 { huge[index] = 0xff }
        #expect(throws: SecretHandover.Fault.self) { try SecretHandover(bytes(huge)) }
    }
}
