import Cache
import Core
import Cryptography
import Storage
import Wire

/// A point in time for tests that set the clock.
let noon: Int64 = 1_900_000_000

func digest(_ text: String) -> SHA256Digest { SHA256Hasher.digest(Array(text.utf8)) }

func session(_ text: String) -> SessionID {
    guard let id = SessionID(text) else { preconditionFailure("\(text) is no id") }
    return id
}

func fields(_ pairs: KeyValuePairs<String, String>) -> Fields {
    var fields = Fields()
    for (name, value) in pairs { fields.append(name, value) }
    return fields
}

/// A stored answer, fresh for 1000 seconds from noon on unless told otherwise.
func entry(
    key: String = "http://a.example/", partition: Partition = .shared, status: Int = 200,
    fields given: KeyValuePairs<String, String> = ["Cache-Control": "max-age=1000", "ETag": "\"1\""],
    vary: [String] = [], request: Fields = Fields(), decoded: Bool = false, digest body: SHA256Digest = digest("body")
) -> StoredEntry {
    var head = ResponseHead(status: status, fields: fields(given))
    if !head.fields.contains("Date") { head.fields.append("Date", HTTPDate.format(noon)) }
    var bytes: [UInt8] = []
    head.serialise(into: &bytes)
    let response = StoredResponse(
        partition: partition, key: key, varyNames: vary,
        variant: Selection.variantKey(names: vary, requestFields: request), status: status, head: bytes, digest: body,
        size: 4, requestTime: noon, responseTime: noon, decoded: decoded)
    return StoredEntry(response, head: head)
}

func blob(_ text: String, scope: BlobScope = .shared, size: Int64 = 4) -> StoredBlob {
    StoredBlob(
        digest: digest(text), logicalSize: size, scope: scope, placement: BlobPlacement(text: "test", sizeOnDisk: size))
}
