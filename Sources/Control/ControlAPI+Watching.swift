internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Sessions

/// What tells how the service is: for scrapers, for who decides whether it gets work, and for people.
///
/// None of it counts as use: a scraper or a page that is open must not keep a service alive that nobody uses.
extension ControlAPI {
    static let watchingRoutes: [Route] =
        [
            Route(.get, "/metrics", .administrator, isUse: false, .metrics) { api, _, _ in try await api.metrics() },
            Route(.get, "/healthz", .open, isUse: false, .health) { api, _, _ in api.health() },
            Route(.get, "/readyz", .open, isUse: false, .readiness) { api, _, _ in await api.readiness() },
        ]
        + PageAsset.all.map { asset in
            Route(.get, asset.path, .administrator, isUse: false, .page(asset)) { api, _, _ in api.page(asset) }
        }

    /// `GET /metrics`.
    private func metrics() async throws -> Response {
        let text = MetricsText.of(try await parts.observations.metrics())
        return Response(
            status: .ok, headers: [.contentType: MetricsText.contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// `GET /healthz`: that there is an answer says all.
    private func health() -> Response { ControlReply.text(.ok, "ok", headers: [.cacheControl: "no-store"]) }

    /// `GET /readyz`: whether the service should get work, and if not, why.
    private func readiness() async -> Response {
        let watch = parts.observations
        let problems: [String]
        do {
            problems = try await parts.pool.run { watch.problems() }
        } catch {
            problems = ["control: too many calls wait"]
        }
        guard !problems.isEmpty else { return ControlReply.text(.ok, "ready", headers: [.cacheControl: "no-store"]) }
        return ControlReply.text(
            .serviceUnavailable, problems.joined(separator: "\n"),
            headers: [.cacheControl: "no-store", .retryAfter: "5"])
    }

    /// `GET /` and what belongs to it: the operator's page.
    private func page(_ asset: PageAsset) -> Response {
        var headers = PageAsset.headers
        headers[.contentType] = asset.contentType
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: asset.text)))
    }
}
