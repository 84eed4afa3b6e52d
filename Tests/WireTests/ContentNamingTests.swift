import Testing
import Wire

@Suite struct ContentNamingTests {
    static let digest = String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: [
        "https://files.example/packages/76/c6/\(digest.prefix(60))/idna-3.10-py3-none-any.whl",
        "http://deb.example/debian/dists/stable/main/binary-amd64/by-hash/SHA256/\(digest)",
        "https://registry.example/v2/app/blobs/sha256:\(digest)",
        "https://git.example/archive/\(digest.prefix(40)).tar.gz/\(digest.prefix(40))",
        "http://deb.example/debian/pool/main/h/hello/hello_2.10-3_amd64.deb",
    ])
    func pathsThatNameTheirContentAreFixed(_ text: String) throws {
        #expect(ContentNaming.isFixed(try RequestURL(parsing: text)))
    }

    @Test(arguments: [
        "https://files.example/simple/idna/", "https://files.example/idna-3.10-py3-none-any.whl",
        "https://files.example/packages/76/c6/\(digest.prefix(36))/idna.whl",
        "https://files.example/packages/76/c6/\(digest.uppercased().prefix(60))/idna.whl",
        "http://deb.example/debian/dists/stable/InRelease", "http://deb.example/pool/hello.deb",
        "https://files.example/a/../\(digest)", "https://files.example/get?digest=\(digest)",
    ])
    func otherPathsAreNot(_ text: String) throws {
        #expect(!ContentNaming.isFixed(try RequestURL(parsing: text)))
    }

    @Test(arguments: ["Cache-Control", "Expires", "Pragma", "ETag", "Last-Modified"])
    func anyWordOfTheOriginEndsTheEstimate(_ name: String) {
        var fields = Fields()
        fields.append("Content-Type", "application/zip")
        #expect(ContentNaming.isSilent(fields))
        fields.append(name, name == "ETag" ? "\"a\"" : name == "Last-Modified" ? "Sun, 06 Nov 1994 08:49:37 GMT" : "x")
        #expect(!ContentNaming.isSilent(fields))
    }
}
