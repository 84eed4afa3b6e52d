import Core
import Testing

@testable import Wire

@Suite struct KeystoneBodyTests {
    private static let user = Array("\"build\"".utf8)
    private static let password = Array(#""p\"w""#.utf8)

    private func rewritten(_ body: String) throws(KeystoneBodyError) -> String {
        let bytes = try KeystoneBody(Array(body.utf8)).naming(user: Self.user.span, password: Self.password.span)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `the identity is replaced, and every byte around it stays`() throws {
        let before = #" {"x": [1.0, "}"], "auth" : { "scope": {"project": {"name": "p"}}, "identity": "#
        let body =
            before
            + #"{"methods": ["token"], "password": {"user": {"name": "a", "domain": {"id": "d"} }}}, "y": 1e2 }}"#
            + "\n"
        let expected =
            before
            + #"{"methods":["password"],"password":{"user":{"name":"build","password":"p\"w","domain":{"id": "d"}}}}"#
            + #", "y": 1e2 }}"# + "\n"
        let found = try rewritten(body)
        #expect(try JSONValue(parsing: found.utf8) == JSONValue(parsing: expected.utf8))
        #expect(found.hasPrefix(before) && found.hasSuffix(#", "y": 1e2 }}"# + "\n"))
    }

    @Test(arguments: [#"{"id": "default"}"#, #"{"name": "Default", "more": [1]}"#])
    func `the domain stays as it was sent`(_ domain: String) throws {
        let found = try rewritten(
            #"{"auth":{"identity":{"password":{"user":{"password":"x","domain":\#(domain)}}}}}"#)
        #expect(found.contains(#""domain":\#(domain)"#))
        #expect(!found.contains(#""x""#))
    }

    @Test func `without a domain there is none`() throws {
        #expect(
            try rewritten(#"{"auth":{"identity":{"password":{"user":{}}}}}"#)
                == #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"build","password":"p\"w"}}}}}"#
        )
    }

    @Test(arguments: [
        ("", "no JSON"), ("user=a", "no JSON"), (#"{"auth":{}"#, "no JSON"), ("[]", "no auth"), ("{}", "no auth"),
        (#"{"auth":[]}"#, "auth of the body is no object"), (#"{"auth":{}}"#, "no auth.identity"),
        (#"{"auth":{"identity":null}}"#, "auth.identity of the body is no object"),
        (#"{"auth":{"identity":{}}}"#, "no auth.identity.password"),
        (#"{"auth":{"identity":{"password":{}}}}"#, "no auth.identity.password.user"),
        (#"{"auth":{"identity":{"password":{"user":"a"}}}}"#, "user of the body is no object"),
        (#"{"auth":{"identity":{"password":{"user":{}}}},"auth":{}}"#, "auth twice"),
        (#"{"auth":{"identity":{"password":{"user":{}}},"identity":{}}}"#, "auth.identity twice"),
        (#"{"auth":{"identity":{"password":{"user":{"domain":{},"domain":{}}}}}}"#, "domain twice"),
    ])
    func `what is no such body is left alone`(_ body: String, _ reason: String) {
        let error = #expect(throws: KeystoneBodyError.self) { try KeystoneBody(Array(body.utf8)) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
}
