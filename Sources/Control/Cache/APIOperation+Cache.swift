internal import Core

/// The operations of the cache, as the API's description tells them.
extension APIOperation {
    static let cacheFacts = APIOperation(
        id: "getCache", summary: "How much the cache holds, and what has become of it.",
        replies: [.json("Cache", "The cache's state.")])

    static let cacheEntries = APIOperation(
        id: "listCacheEntries", summary: "Lists the stored responses, in the order in which they were stored.",
        parameters: [
            APIParameter(
                place: .query, name: "limit", text: "How many responses a page has at most; 100 unless told.",
                schema: ["type": "integer", "minimum": 1, "maximum": 1000]),
            APIParameter(
                place: .query, name: "after", text: "Where the page begins: `next` of the page before.",
                schema: ["type": "string", "pattern": "^[0-9]{1,18}$"]),
        ],
        replies: [
            .json("CachePage", "A page."),
            .error(
                400, "A parameter is not what it must be.", example: "'limit' must be a whole number from 1 to 1000"),
        ])

    static let cacheVerification = APIOperation(
        id: "getCacheVerification", summary: "How far the last comparison of all bodies is.",
        replies: [.json("CacheVerification", "Its state, `none` before the first.")])

    static let verifyCache = APIOperation(
        id: "verifyCache", summary: "Begins to compare every stored body with its digest.",
        text: "In the background, or joins the comparison that goes on. A body that is not right is dropped.",
        replies: [.begun("CacheVerification")])

    static let cacheCollection = APIOperation(
        id: "getCacheCollection", summary: "How far the last making of room is.",
        replies: [.json("CacheCollection", "Its state, `none` before the first.")])

    static let collectCache = APIOperation(
        id: "collectCache", summary: "Begins to make room.",
        text: """
            In the background, or joins what goes on: evicts what was unused for longest, and removes what no row names. What \
            sessions that are alive have downloaded stays.
            """,
        body: APIBody(
            text: "Down to how many bytes; without it, to the low mark.",
            schema: ["type": "object", "properties": ["to": ["type": ["integer", "null"], "minimum": 0]]],
            isRequired: false, example: ["to": 1_000_000_000]),
        replies: [
            .begun("CacheCollection"),
            .error(
                400, "The body is no JSON object, or `to` is no number of bytes.",
                example: "'to' must be a non-negative whole number of bytes"),
            .error(413, "The body has more than 1 MiB.", example: "the request body is too large"),
        ])
}

extension APIReply {
    /// Work that goes on now.
    fileprivate static func begun(_ schema: String) -> APIReply {
        APIReply(
            status: 202, text: "How far it is.",
            content: ["application/json": ["schema": ["$ref": .string("#/components/schemas/\(schema)")]]])
    }
}
