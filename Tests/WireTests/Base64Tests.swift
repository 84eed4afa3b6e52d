import Testing
import Wire

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("~~?>", "fn4/Pg=="),
    ]) func `RFC 4648 section 10: both ways`(plain: String, coded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == coded)
        #expect(Base64.decode(coded) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm_v", "Z===", "====", "Zg==Zg==", "Zm=v",
    ])
    func `anything but the canonical form is refused`(coded: String) { #expect(Base64.decode(coded) == nil) }

    @Test func `every byte survives`() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }
}

@Suite struct BasicCredentialsTests {
    @Test func `the scheme comes in any case and the first colon separates`() {
        let coded = Base64.encode(Array("id:to:ken".utf8))
        for scheme in ["Basic ", "basic ", "BASIC  "] {
            #expect(BasicCredentials(fieldValue: scheme + coded) == BasicCredentials(user: "id", password: "to:ken"))
        }
        #expect(
            BasicCredentials(fieldValue: "Basic " + Base64.encode([0x3A])) == BasicCredentials(user: "", password: ""))
        let own = BasicCredentials(user: "u", password: "p\u{E9}")
        #expect(BasicCredentials(fieldValue: own.fieldValue) == own)
    }

    @Test(arguments: [
        "", "Basic", "Basic ", "Basic aWQ", "Basic aWQ=", "Bearer aWQ6eA==", "aWQ6eA==", "Basic aWQ6eA== x",
        "Basicx aWQ6eA==",
    ])
    func `all else is refused`(value: String) { #expect(BasicCredentials(fieldValue: value) == nil) }

    @Test func `text that is no UTF-8 is refused`() {
        #expect(BasicCredentials(fieldValue: "Basic " + Base64.encode([0xFF, 0x3A, 0x61])) == nil)
    }
}
