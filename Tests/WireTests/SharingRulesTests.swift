import Testing
import Wire

@Suite struct SharingRulesTests {
    @Test(arguments: [
        "X-Forwarded-Host", "x-forwarded-for", "X-Forwarded-Anything", "Forwarded", "X-Original-URL", "X-Rewrite-URL",
        "X-Host",
        "X-HTTP-Method-Override", "X-Outside-Url", "X-Real-IP", "Transfer-Encoding",
    ]) func `RULES, sharing: a field that may rewrite the answer keeps it private`(name: String) {
        #expect(SharingRules.requestKeepsPrivate(fields(("Host", "a"), (name, "x"), ("Accept", "b"))))
    }

    @Test func `RULES, sharing: a body keeps it private, ordinary fields do not`() {
        #expect(SharingRules.requestKeepsPrivate(fields(("Content-Length", "1"))))
        #expect(
            !SharingRules.requestKeepsPrivate(
                fields(("Content-Length", "0"), ("Accept", "x"), ("User-Agent", "y"), ("Host", "a"))))
        #expect(SharingRules.requestKeepsPrivate(fields(("X-Mine", "1")), additional: ["x-mine"]))
        #expect(!SharingRules.requestKeepsPrivate(fields(("X-Mine", "1"))))
    }

    @Test func `RULES, sharing: the client's credentials`() {
        let found = SharingRules.credentialFields(
            fields(
                ("Authorization", "Basic x"), ("Accept", "y"), ("PRIVATE-TOKEN", "t"), ("Cookie", "a=b"),
                ("X-JFrog-Art-Api", "k"),
                ("X-Auth-Token", "z"), ("X-Goog-Api-Key", "g"), ("X-Goog-Api-Client", "lib"), ("Macaroons", "m"),
                ("Proxy-Authorization", "p")))
        #expect(
            found.map(\.name) == [
                "authorization", "private-token", "cookie", "x-jfrog-art-api", "x-auth-token", "x-goog-api-key",
                "macaroons",
            ])
        #expect(found.first?.value == "Basic x")
        #expect(SharingRules.credentialFields(fields(("X-Mine", "1")), additional: ["x-mine"]).count == 1)
    }

    @Test func `RULES, sharing: what may answer a request with credentials from the shared partition`() {
        for value in ["public", "s-maxage=5", "immutable, max-age=5"] {
            #expect(
                SharingRules.sharedMayAnswerCredentials(status: 200, storedFields: fields(("Cache-Control", value))))
            #expect(
                !SharingRules.sharedMayAnswerCredentials(status: 301, storedFields: fields(("Cache-Control", value))))
        }
        #expect(
            !SharingRules.sharedMayAnswerCredentials(status: 200, storedFields: fields(("Cache-Control", "max-age=5"))))
    }
}
