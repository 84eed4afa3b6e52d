import Core
import Cryptography
import PlatformTesting
import Testing

@Suite struct CertificateAuthorityTests {
    @Test func whatIsGeneratedCanBeLoaded() throws {
        let now = try #require(WallTime(rfc3339: "2031-04-05T06:07:08Z"))
        let files = try CertificateAuthority.generate(commonName: "Fetch CA", now: now)
        let authority = try CertificateAuthority.load(
            certificatePEM: files.certificatePEM, keyPEM: files.keyPEM, now: now)
        #expect(authority.subject == "CN=Fetch CA")
        #expect(authority.notBefore == WallTime(rfc3339: "2031-04-03T06:07:08Z"))
        #expect(authority.notAfter.rfc3339.hasPrefix("2041-04-0"))
        #expect(!authority.signsSlowly)
        #expect(authority.certificatePEM == files.certificatePEM)
        #expect(String(decoding: files.keyPEM, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----"))
    }

    private func refusal(
        _ certificate: [UInt8], _ key: [UInt8], now: WallTime = .now()
    ) -> String {
        let error = #expect(throws: CertificateError.self) {
            try CertificateAuthority.load(certificatePEM: certificate, keyPEM: key, now: now)
        }
        return error?.reason ?? ""
    }

    @Test func whatDoesNotFitIsRefusedWithAReason() throws {
        let one = try CertificateAuthority.generate(commonName: "One")
        let two = try CertificateAuthority.generate(commonName: "Two")
        #expect(refusal(one.certificatePEM, two.keyPEM) == "the key does not belong to the certificate CN=One")
        #expect(refusal([], one.keyPEM) == "the certificate file is empty")
        #expect(refusal(one.certificatePEM, []) == "the key file is empty")
        #expect(refusal(one.keyPEM, one.keyPEM).hasPrefix("this is not a PEM certificate"))
        #expect(refusal(one.certificatePEM, one.certificatePEM).hasPrefix("this is not a PEM private key"))
        #expect(refusal(Array(one.certificatePEM.dropLast(100)), one.keyPEM).hasPrefix("this is not a PEM certificate"))
        let later = WallTime.now() + .seconds(4000 * 86400)
        #expect(
            refusal(one.certificatePEM, one.keyPEM, now: later).hasPrefix("the CA certificate CN=One expired on 20"))
    }

    @Test func anExpiredAuthorityMintsNothing() throws {
        let authority = try makeAuthority()
        #expect(throws: CertificateError.self) {
            try authority.makeServerContext(host: "a.example", now: authority.notAfter)
        }
    }

    @Test(.enabled(if: Tool.hasOpenSSL), arguments: ["pkcs1", "pkcs8", "sec1", "ed25519"])
    func keysOfAllFormsSignLeaves(_ form: String) throws {
        let folder = try TemporaryFolder()
        let (key, certificate) = (folder.file("key.pem"), folder.file("ca.pem"))
        let make =
            switch form {
            case "pkcs1": ["genrsa", "-traditional", "-out", key, "2048"]
            case "pkcs8": ["genpkey", "-algorithm", "RSA", "-out", key]
            case "sec1": ["ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", key]
            default: ["genpkey", "-algorithm", "ED25519", "-out", key]
            }
        #expect(try Tool.run("openssl", make).status == 0)
        // As the programs that start the daemon make it: a CA without key usage.
        let request = [
            "req", "-x509", "-new", "-key", key, "-subj", "/CN=Craft", "-days", "2", "-out", certificate,
        ]
        #expect(try Tool.run("openssl", request).status == 0)
        let files = try (Tool.contents(certificate), Tool.contents(key))
        let authority = try CertificateAuthority.load(certificatePEM: files.0, keyPEM: files.1)
        #expect(authority.signsSlowly == (form == "pkcs1" || form == "pkcs8"))
        let pair = try TLSPair(
            authority.makeServerContext(host: "a.example"), TLSClientContext(trust: .only(files.0)), host: "a.example")
        #expect(pair.shakeHands() == (.count(0), .count(0)))
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func aKeyWithAPassphraseIsRefusedWithoutAsking() throws {
        let folder = try TemporaryFolder()
        let key = folder.file("key.pem")
        let make = ["genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:x", "-out", key]
        #expect(try Tool.run("openssl", make).status == 0)
        let one = try CertificateAuthority.generate(commonName: "One")
        #expect(refusal(one.certificatePEM, try Tool.contents(key)).hasPrefix("this is not a PEM private key"))
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func aLeafIsNoAuthority() throws {
        let folder = try TemporaryFolder()
        let (key, certificate) = (folder.file("key.pem"), folder.file("leaf.pem"))
        let request = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=Leaf", "-days", "2",
            "-addext", "basicConstraints=critical,CA:FALSE", "-out", certificate,
        ]
        #expect(try Tool.run("openssl", request).status == 0)
        #expect(
            refusal(try Tool.contents(certificate), try Tool.contents(key))
                == "the certificate CN=Leaf is not a CA certificate (basicConstraints CA:TRUE)")
    }
}
