import Core
import Cryptography
import Testing

@Suite struct DigestTests {
    @Test func knownDigestsComeOut() {
        let abc = Array("abc".utf8)
        #expect(
            SHA256Hasher.digest(abc).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256Hasher.digest([]).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA1Hasher.digest(abc) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(SHA1Hasher.digest([]) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test func piecesGiveTheDigestOfTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            var hasher = SHA256Hasher()
            hasher.update(Array(bytes[..<cut]))
            let rest = Array(bytes[cut...])
            hasher.update(rest.span)
            #expect(hasher.finish() == SHA256Hasher.digest(bytes))
            let stream = SHA256Stream()
            stream.update(Array(bytes[..<cut]))
            bytes[cut...].withUnsafeBytes { stream.update($0) }
            #expect(stream.finish() == SHA256Hasher.digest(bytes))
        }
    }

    @Test func finishingAStreamTwiceTraps() async {
        await #expect(processExitsWith: .failure) {
            let stream = SHA256Stream()
            _ = stream.finish()
            _ = stream.finish()
        }
    }

    /// RFC 4231, test cases 1, 2 and 6.
    @Test func keyedDigestsFollowTheirStandard() {
        func check(_ key: [UInt8], _ data: String, _ expected: String) {
            #expect(Hex.encode(HMAC.sha256(key: key, Array(data.utf8))) == expected)
        }
        check(
            [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        check(
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        check(
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        check([], "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func comparisonSeesEveryDifference() {
        let a = Array("secret".utf8)
        #expect(equalInConstantTime(a, a) && equalInConstantTime([], []))
        #expect(!equalInConstantTime(a, Array("secreT".utf8)))
        #expect(!equalInConstantTime(a, Array("secre".utf8)))
        #expect(!equalInConstantTime(a, []))
    }
}

@Suite struct SecureRandomTests {
    @Test func idsAreVersion4UUIDs() {
        for _ in 0..<100 {
            let text = Array(SecureRandom.sessionID().text)
            #expect(text.count == 32 && text[12] == "4" && "89ab".contains(text[16]))
        }
    }

    @Test func tokensUseTheWholeAlphabetEvenly() {
        var counts: [Character: Int] = [:]
        for _ in 0..<2000 {
            let token = SecureRandom.token()
            #expect(token.count == 22)
            for letter in token { counts[letter, default: 0] += 1 }
        }
        #expect(counts.count == 62)
        #expect(counts.keys.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        // 710 of each are expected; 500 is eight standard deviations below.
        #expect(counts.values.allSatisfy { $0 > 500 && $0 < 920 })
    }

    @Test func twoDrawsDiffer() {
        #expect(SecureRandom.bytes(16) != SecureRandom.bytes(16))
        #expect(SecureRandom.bytes(0).isEmpty)
    }
}
