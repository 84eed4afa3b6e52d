internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Sessions

/// What an administrator asks about the cache, and what has it work in the background.
extension ControlAPI {
    static let cacheRoutes: [Route] = [
        Route(.get, "/cache", .administrator, isUse: false, .cacheFacts) { api, _, _ in try await api.cacheFacts() },
        Route(.get, "/cache/entries", .administrator, .cacheEntries) { api, request, _ in
            try await api.cacheEntries(request)
        },
        Route(.get, "/cache/verify", .administrator, .cacheVerification) { api, _, _ in
            try await api.cacheWork { $0.verification()?.json }
        },
        Route(.post, "/cache/verify", .administrator, .verifyCache) { api, _, _ in
            try await api.beginCacheWork { $0.verify().json }
        },
        Route(.get, "/cache/gc", .administrator, .cacheCollection) { api, _, _ in
            try await api.cacheWork { $0.collection()?.json }
        },
        Route(.post, "/cache/gc", .administrator, .collectCache) { api, request, _ in
            try await api.collectCache(request)
        },
    ]

    private static let usualPage = 100
    private static let longestPage = 1000

    /// `GET /cache`: how much there is.
    private func cacheFacts() async throws -> Response {
        let cache = try administeredCache()
        return Self.reply(try await parts.pool.run { try cache.facts().json(cache.verification(), cache.collection()) })
    }

    /// `GET /cache/entries?limit=&after=`: the stored responses, page by page in the order in which they were stored.
    private func cacheEntries(_ request: Request) async throws -> Response {
        let cache = try administeredCache()
        let limit = try Self.number("limit", in: request, 1...Int64(Self.longestPage)) ?? Int64(Self.usualPage)
        let after = try Self.number("after", in: request, 0...Int64.max) ?? 0
        let page = try await parts.pool.run { try cache.entries(after: after, limit: Int(limit)) }
        var answer: [String: JSONValue] = ["entries": .list(page.map(\.json))]
        if page.count == limit, let last = page.last { answer["next"] = .string("\(last.number)") }
        return Self.reply(.object(answer))
    }

    /// How far some work is; `{"state": "none"}` before the first time.
    private func cacheWork(_ look: @escaping @Sendable (any CacheAdministration) -> JSONValue?) async throws -> Response
    {
        let cache = try administeredCache()
        return Self.reply(try await parts.pool.run { look(cache) ?? ["state": "none"] })
    }

    /// Begins some work, or joins it when it goes on already.
    private func beginCacheWork(
        _ begin: @escaping @Sendable (any CacheAdministration) -> JSONValue
    ) async throws -> Response {
        let cache = try administeredCache()
        return Self.reply(try await parts.pool.run { begin(cache) }, .accepted)
    }

    /// `POST /cache/gc`, maybe with `{"to": bytes}`.
    private func collectCache(_ request: Request) async throws -> Response {
        let body = try await request.wholeBody(upTo: settings.largestBody)
        var goal: Int64?
        if !body.isEmpty {
            let value: JSONValue
            do {
                value = try JSONValue(firstIn: body)
            } catch {
                throw ControlRefusal.badRequest(error.description)
            }
            guard case .object(let members) = value else {
                throw ControlRefusal.badRequest(
                    "the request body is \(value.kind): expected {\"to\": <bytes>} or nothing")
            }
            if let wanted = members["to"], wanted != .null {
                switch wanted {
                case .integer(let bytes) where bytes >= 0: goal = bytes
                // For JSON Schema 1.0 is an integer, and there is no largest one.
                case .number(let bytes) where bytes >= 0 && bytes.rounded() == bytes:
                    goal = Int64(exactly: bytes) ?? .max
                default: throw ControlRefusal.badRequest("'to' must be a non-negative whole number of bytes")
                }
            }
        }
        return try await beginCacheWork { [goal] in $0.collect(downTo: goal).json }
    }

    private func administeredCache() throws -> any CacheAdministration {
        guard let cache = parts.cache else {
            throw ControlRefusal(status: .notFound, text: "this service has no cache to look at")
        }
        return cache
    }

    private static func number(
        _ name: String, in request: Request, _ range: ClosedRange<Int64>
    ) throws(ControlRefusal) -> Int64? {
        guard let text = request.uri.queryParameters.get(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .badRequest("'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func reply(_ value: JSONValue, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.json)))
    }
}
