internal import Core

/// What the API's description says of the cache.
extension APISchemas {
    static let ofCache: [String: JSONValue] = [
        "Cache": object([
            "entries": count("Responses for reuse."), "blobs": count("Bodies."), "logical-bytes": count("Their bytes."),
            "bytes-on-disk": count("Bytes that they take."), "limit": count("Bytes at which eviction starts."),
            "low-mark": count("Bytes at which it stops."), "space-left": count("Bytes that may still be written."),
            "evictions": object(["blobs": count("Since the start."), "bytes": count("Since the start.")]),
            "scrubbing": object(
                comparison.merging(["last-pass": orNull(time("When all had been compared for the last time."))]) { $1 }),
            "verification": orNull(["$ref": "#/components/schemas/CacheVerification"]),
            "collection": orNull(["$ref": "#/components/schemas/CacheCollection"]),
        ]),
        "CachePage": object(
            [
                "entries": list(["$ref": "#/components/schemas/CacheEntry"], "In the order in which they were stored."),
                "next": text("`after` of the next page, when there may be more."),
            ], optional: ["next"]),
        "CacheEntry": object([
            "number": count("Grows from response to response."), "url": text("Without secrets."),
            "status": ["type": "integer"], "sha256": text("Of the body, in hex."), "size": count("Bytes of the body."),
            "stored": time("When it came."), "fresh-until": time("When it becomes stale."),
            "freshness": ["enum": ["fresh", "stale", "validate"]],
            "vary": list(text("A field."), "What it depends on."),
            "session-id": orNull(session),
        ]),
        "CacheVerification": work(
            comparison.merging(["blobs": count("Bodies that there were at the start.")]) { $1 }),
        "CacheCollection": work([
            "goal": count("Down to how many bytes."), "evicted-blobs": count("Bodies that went."),
            "evicted-bytes": count("Bytes that they took."), "bytes-on-disk": count("Bytes that the cache takes now."),
        ]),
    ]

    /// What comparing bodies with their digests has come to.
    private static let comparison: [String: JSONValue] = [
        "checked": count("Bodies that were compared."), "damaged": count("Bodies that were wrong, and dropped."),
        "missing": count("Bodies whose bytes were gone."), "unreadable": count("Bodies that could not be read."),
        "bytes": count("Bytes that were compared."),
    ]

    /// Work in the background; before the first time it has a state and nothing else.
    private static func work(_ members: [String: JSONValue]) -> JSONValue {
        let common: [String: JSONValue] = [
            "state": ["enum": ["none", "running", "done", "failed"]], "started": time("When it began."),
            "ended": orNull(time("When it ended; null as long as it goes on.")), "reason": text("Why it failed."),
        ]
        let all = common.merging(members) { $1 }
        return object(all, optional: Set(all.keys).subtracting(["state"]))
    }

    private static func orNull(_ schema: JSONValue) -> JSONValue { ["oneOf": [schema, ["type": "null"]]] }
}
