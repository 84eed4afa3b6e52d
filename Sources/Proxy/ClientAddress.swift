import Core

/// A client's address, as text and as it stands in the record.
struct ClientAddress {
    let text: String
    /// `"address":"…"`.
    let recorded: [UInt8]

    init(_ text: String) {
        self.text = text
        var record = RecordText()
        record.text("address", text)
        recorded = record.bytes
    }
}
