internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Sessions

/// What tells how the service is: for scrapers, for who decides whether it gets work, and for people.
extension ControlAPI {
    /// `GET /metrics`.
    func metrics() async throws -> Response {
        let text = MetricsText.of(try await parts.observations.metrics())
        return Response(
            status: .ok, headers: [.contentType: MetricsText.contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// `GET /healthz`: that there is an answer says all.
    func health() -> Response { ControlReply.text(.ok, "ok", headers: [.cacheControl: "no-store"]) }

    /// `GET /readyz`: whether the service should get work, and if not, why.
    func readiness() async -> Response {
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
    func page(_ asset: PageAsset) -> Response {
        var headers = PageAsset.headers
        headers[.contentType] = asset.contentType
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: asset.text)))
    }
}
