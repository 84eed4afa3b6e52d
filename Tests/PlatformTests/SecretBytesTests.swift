import Platform
import Testing

@Suite struct SecretBytesTests {
    @Test func `the bytes are taken, and wiped where they were`() {
        var bytes = Array("hunter2".utf8)
        let secret = SecretBytes(taking: &bytes)
        #expect(bytes.isEmpty)
        #expect(secret.copy() == Array("hunter2".utf8))
        #expect(secret.withSpan { $0.count } == 7 && secret.count == 7)
    }

    @Test func `after wiping there is nothing, and nobody can tell what there was`() {
        var bytes = Array("hunter2".utf8)
        let secret = SecretBytes(taking: &bytes)
        secret.wipe()
        secret.wipe()
        #expect(secret.isWiped && secret.copy() == nil)
        #expect(secret.isPart(of: Array("hunter2".utf8).span) == nil)
        #expect(secret.withSpan { $0.count } == nil)
    }

    @Test func `nothing shows the bytes`() {
        struct Holder { var secret: SecretBytes }
        var bytes = Array("hunter2".utf8)
        let holder = Holder(secret: SecretBytes(taking: &bytes))
        var dumped = ""
        dump(holder, to: &dumped)
        for text in ["\(holder)", String(reflecting: holder), "\(holder.secret)", dumped] {
            #expect(!text.contains("hunter2") && !text.contains("104") && text.contains("secret"), "\(text)")
        }
    }

    @Test(arguments: [
        ("hunter2", true), ("xhunter2", true), ("hhunter2x", true), ("hunter", false), ("", false),
        ("hunterhunter2", true), ("hunter1hunter", false), ("Hunter2", false),
    ])
    func `they are found wherever they stand`(_ text: String, _ isThere: Bool) {
        var bytes = Array("hunter2".utf8)
        #expect(SecretBytes(taking: &bytes).isPart(of: Array(text.utf8).span) == isThere)
    }

    @Test func `a wiped array is empty, and what was shared with it is not touched`() {
        var bytes = Array("hunter2".utf8)
        let other = bytes
        SecretBytes.wipe(&bytes)
        #expect(bytes.isEmpty && other == Array("hunter2".utf8))
    }
}
