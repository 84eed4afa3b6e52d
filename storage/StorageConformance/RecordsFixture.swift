import Core
package import Storage
import Testing

/// One record under test, and what a test may do to the medium under it.
package protocol RecordsHarness: AnyObject, Sendable {
    var records: any Records { get }

    /// Opens what is on the medium at this moment, as after the sudden end of the process; `nil` when nothing survives.
    func crash() throws -> (any Records)?

    /// Makes the medium look full, or not any more.
    func setFull(_ isFull: Bool) throws
}

/// A backend as the shared suite sees it.
package struct RecordsFixture: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    /// Makes an empty record.
    package let make: @Sendable () throws -> any RecordsHarness

    package init(_ testDescription: String, make: @escaping @Sendable () throws -> any RecordsHarness) {
        self.testDescription = testDescription
        self.make = make
    }
}

/// A promise that every backend keeps, as a sentence and its proof.
package struct RecordsCheck: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let run: @Sendable (any RecordsHarness) throws -> Void

    init(_ sentence: String, _ run: @escaping @Sendable (any RecordsHarness) throws -> Void) {
        testDescription = sentence
        self.run = run
    }

    /// All promises.
    package static let all = sessions + exchanges + pages + groups + removals + restoring
}

/// Rows for the checks.
enum RecordSample {
    static func id(_ text: String) throws -> SessionID { try #require(SessionID(text)) }

    static func digest(_ number: UInt64) -> SHA256Digest { SHA256Digest(words: (number << 56 | number, 2, 3, number)) }

    static func session(_ text: String) throws -> SessionRow {
        SessionRow(
            id: try id(text), policy: .strict, created: WallTime(nanoseconds: 1_900_000_000_123_456_789), timeout: 3600,
            tokenHash: digest(77), redactionKey: [0, 1, 255], configuration: Array(#"{"ids":["a"]}"#.utf8),
            secrets: [
                SecretRow(type: .basicAuth, url: #"https://a.example:443/{x,"y"}/**"#),
                SecretRow(type: .keystoneV3, url: "http://b.example/é", allowsHTTP: true),
            ], bootID: "boot-1", name: "nightly é", labels: Array(#"{"arch":"amd64"}"#.utf8))
    }

    static func exchange(
        _ session: SessionID, _ number: Int64, _ category: ExchangeRow.Category = .artifact,
        digest: SHA256Digest? = nil,
        result: ExchangeRow.Result? = .approved, url: String = "https://a.example:443/x"
    ) -> ExchangeRow {
        ExchangeRow(
            session: session, number: number, category: category, digest: digest, size: number &* 1000,
            delivered: number &* 10, result: result, download: Array(#"{"url":"\#(url)/\#(number)"}"#.utf8),
            judgement: category == .artifact ? Array(#"{"n":\#(number)}"#.utf8) : [])
    }
}

extension Records {
    /// Why `apply` refuses the changes, or `nil` when it does not.
    func refusal(of changes: [RecordChange]) -> StoreError? {
        do throws(StoreError) {
            try apply(changes)
            return nil
        } catch {
            return error
        }
    }

    /// All exchanges, by pages of 7.
    func all(_ session: SessionID, _ category: ExchangeRow.Category? = nil) throws -> [ExchangeRow] {
        var rows: [ExchangeRow] = []
        while true {
            let page = try exchanges(of: session, category: category, after: rows.last?.number ?? 0, limit: 7)
            if page.isEmpty { return rows }
            rows += page
        }
    }
}
