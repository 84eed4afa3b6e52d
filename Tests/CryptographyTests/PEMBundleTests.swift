import Core
import Cryptography
import PlatformTesting
import Testing

@Suite struct PEMBundleTests {
    private let one: (certificatePEM: [UInt8], keyPEM: [UInt8])
    private let two: (certificatePEM: [UInt8], keyPEM: [UInt8])

    init() throws {
        one = try CertificateAuthority.generate(commonName: "one")
        two = try CertificateAuthority.generate(commonName: "two")
    }

    private func subject(_ bundle: PEMBundle) throws -> String {
        try CertificateAuthority.load(certificatePEM: bundle.certificatePEM, keyPEM: bundle.keyPEM).subject
    }

    @Test func blocksComeInAnyOrderWithAnythingBetweenThem() throws {
        let comment = Array("\n# a comment\nBag Attributes: none\r\n\n".utf8)
        let texts = [
            one.certificatePEM + one.keyPEM, one.keyPEM + one.certificatePEM,
            comment + one.keyPEM + comment + one.certificatePEM + comment,
        ]
        for text in texts { #expect(try subject(PEMBundle(text)) == "CN=one") }
    }

    @Test func theCertificateOfTheKeyGoesFirst() throws {
        for text in [two.certificatePEM + one.certificatePEM, one.certificatePEM + two.certificatePEM] {
            let bundle = try PEMBundle(text + one.keyPEM)
            #expect(try subject(bundle) == "CN=one")
            #expect(bundle.certificatePEM == one.certificatePEM + two.certificatePEM)
        }
    }

    @Test func linesMayEndInCRLF() throws {
        let text = (one.certificatePEM + one.keyPEM).flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
        let bundle = try PEMBundle(text)
        #expect(bundle.certificatePEM == one.certificatePEM && bundle.keyPEM == one.keyPEM)
    }

    @Test(
        .enabled(if: Tool.hasOpenSSL),
        arguments: [
            (["genrsa", "-traditional", "2048"], "BEGIN RSA PRIVATE KEY"), (["genrsa", "2048"], "BEGIN PRIVATE KEY"),
            (["ecparam", "-name", "prime256v1", "-genkey"], "BEGIN EC PRIVATE KEY"),
        ])
    func keysComeInTheirOldFormsToo(arguments: [String], label: String) throws {
        let folder = try TemporaryFolder()
        let key = try Tool.run("openssl", arguments).output
        try #require(key.contains(label))
        let file = try folder.write(Array(key.utf8), to: "key")
        let certificate = try Tool.run(
            "openssl",
            [
                "req", "-x509", "-new", "-key", file, "-subj", "/CN=old form", "-addext",
                "basicConstraints=critical,CA:TRUE",
            ])
        #expect(try subject(PEMBundle(Array((key + certificate.output).utf8))) == "CN=old form")
    }

    @Test func whatIsNotOnePairIsRefused() throws {
        let many = (0..<17).flatMap { _ in one.certificatePEM }
        let cases: [([UInt8], String)] = [
            ([], "there are 0 certificates"), (one.keyPEM, "there are 0 certificates"),
            (one.certificatePEM, "there are 0 private keys"),
            (one.certificatePEM + one.keyPEM + two.keyPEM, "there are 2 private keys"),
            (one.certificatePEM + two.keyPEM, "does not belong to the certificate"),
            (one.certificatePEM + one.certificatePEM + two.keyPEM, "any of the 2 certificates"),
            (many + one.keyPEM, "there are 17 certificates"),
            (one.keyPEM + one.certificatePEM.dropLast(30), "has no END line"),
            (Array("-----BEGIN X-----\n".utf8) + one.certificatePEM, "has no END line"),
            (Array("-----BEGIN CERTIFICATE-----\n-----END PRIVATE KEY-----\n".utf8), "ends as PRIVATE KEY"),
            (
                one.certificatePEM
                    + Array("-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n".utf8),
                "passphrase"
            ),
            (
                Array("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n".utf8) + one.keyPEM,
                "not a PEM certificate"
            ),
            (
                one.certificatePEM + Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8),
                "not a PEM private key"
            ),
        ]
        for (text, what) in cases {
            #expect { try PEMBundle(text) } throws: { "\($0)".contains(what) }
        }
    }
}
