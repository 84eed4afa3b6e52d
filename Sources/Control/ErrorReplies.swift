internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Sessions
internal import Storage

/// The one place where errors become statuses.
struct ErrorReplies: RouterMiddleware {
    typealias Context = ControlContext

    let log: Logger

    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as ControlRefusal {
            return ControlReply.text(refusal.status, refusal.text)
        } catch let error as SessionError {
            return reply(to: error)
        } catch let error as StoreError {
            return reply(to: .storage(error))
        } catch is PoolRefusal {
            return ControlReply.text(.serviceUnavailable, "too many calls wait for the disk: ask again in a moment")
        } catch is NIOTooManyBytesError {
            return ControlReply.text(.contentTooLarge, "the request body is too large")
        } catch let error as any HTTPResponseError {
            return ControlReply.status(error.status)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            log.error("control API, \(request.method) \(request.uri.path): \(error)")
            return ControlReply.status(.internalServerError)
        }
    }

    private func reply(to error: SessionError) -> Response {
        switch error {
        case .unknown: return ControlReply.status(.notFound)
        case .wrongToken, .permissiveRefused: return ControlReply.text(.badRequest, error.description)
        case .notFinished:
            return ControlReply.text(.conflict, "session not finished: end it with DELETE /session/<id> first")
        case .usedID: return ControlReply.text(.conflict, error.description)
        case .stopping: return ControlReply.text(.serviceUnavailable, error.description)
        case .storage(let cause):
            log.error("control API: \(error)")
            switch cause.kind {
            case .full, .unavailable:
                return ControlReply.text(
                    .serviceUnavailable, "the storage cannot be used: \(escapedForDisplay(cause.reason))")
            case .corrupt, .rejected: return ControlReply.status(.internalServerError)
            }
        case .spool:
            log.error("control API: \(error)")
            return ControlReply.status(.internalServerError)
        }
    }
}
