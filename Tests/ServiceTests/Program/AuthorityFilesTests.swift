import Core
import Cryptography
import Foundation
import Platform
import PlatformTesting
import Testing

@testable import fetch_service

@Suite struct AuthorityFilesTests {
    let folder: TemporaryFolder
    let files: AuthorityFiles
    let old: (certificatePEM: [UInt8], keyPEM: [UInt8])
    let new: PEMBundle

    init() throws {
        folder = try TemporaryFolder.configured()
        files = AuthorityFiles(certificate: folder.file("ca.pem"), key: folder.file("ca.key.pem"))
        old = try CertificateAuthority.generate(commonName: "old")
        try Kernel.replaceFile(files.certificate, with: old.certificatePEM, mode: 0o644)
        try Kernel.replaceFile(files.key, with: old.keyPEM, mode: 0o640)
        let made = try CertificateAuthority.generate(commonName: "new")
        new = try PEMBundle(made.keyPEM + made.certificatePEM)
    }

    private var subject: String { get throws { try files.load().subject } }
    private var names: Set<String> { get throws { Set(try Kernel.names(inFolder: folder.path)) } }

    @Test func bothAreReplacedAndTheKeyIsForUsOnly() throws {
        try files.replace(with: new)
        #expect(try subject == "CN=new")
        #expect(try (Kernel.stat(files.key)?.mode ?? 0) & 0o777 == 0o600)
        #expect(try (Kernel.stat(files.certificate)?.mode ?? 0) & 0o777 == 0o644)
        #expect(try names == ["conf", "ca.pem", "ca.key.pem"])
    }

    @Test func aCertificateThatCannotBeReplacedLeavesTheOldPair() throws {
        // A folder with something in it cannot be renamed over.
        let other = AuthorityFiles(certificate: folder.file("conf"), key: files.key)
        try folder.write("x", to: "conf/x")
        #expect(throws: SystemError.self) { try other.replace(with: new) }
        #expect(try Kernel.contents(of: files.key) == old.keyPEM)
        #expect(try subject == "CN=old")
        #expect(try names == ["conf", "ca.pem", "ca.key.pem"])
    }

    @Test func aKeyThatCannotBeReplacedLeavesTheOldPair() throws {
        let other = AuthorityFiles(certificate: files.certificate, key: folder.file("none/ca.key.pem"))
        #expect(throws: SystemError.self) { try other.replace(with: new) }
        #expect(try subject == "CN=old")
        #expect(try names == ["conf", "ca.pem", "ca.key.pem"])
    }

    @Test func anUpdateThatWasCutShortBeforeTheCertificateIsUndone() throws {
        try Kernel.link(files.key, to: files.key + ".before-update")
        try Kernel.replaceFile(files.key, with: new.keyPEM)
        #expect(try subject == "CN=old")
        #expect(try Kernel.contents(of: files.key) == old.keyPEM)
        #expect(try names == ["conf", "ca.pem", "ca.key.pem"])
    }

    @Test func anUpdateThatWasCutShortBehindTheCertificateStands() throws {
        try Kernel.link(files.key, to: files.key + ".before-update")
        try Kernel.replaceFile(files.key, with: new.keyPEM)
        try Kernel.replaceFile(files.certificate, with: new.certificatePEM)
        #expect(try subject == "CN=new")
        #expect(try names == ["conf", "ca.pem", "ca.key.pem"])
    }

    @Test func aPairThatNeverFitTogetherIsStillRefused() throws {
        try Kernel.replaceFile(files.key, with: new.keyPEM)
        #expect(throws: CertificateError.self) { try files.load() }
    }

    @Test func oneFileMayHoldBoth() throws {
        let both = AuthorityFiles(certificate: folder.file("both.pem"), key: folder.file("both.pem"))
        try Kernel.replaceFile(both.key, with: old.keyPEM + old.certificatePEM)
        #expect(try both.load().subject == "CN=old")
        try both.replace(with: new)
        #expect(try both.load().subject == "CN=new")
        #expect(try (Kernel.stat(both.key)?.mode ?? 0) & 0o777 == 0o600)
    }
}
