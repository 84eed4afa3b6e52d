internal import Hummingbird
internal import NIOCore

extension Request {
    /// All bytes of the body.
    ///
    /// - Throws: ``ControlRefusal`` when the client sends none that is whole and well-formed: that is no error of ours.
    ///   `NIOTooManyBytesError` when it is longer than `limit`.
    func wholeBody(upTo limit: Int) async throws -> [UInt8] {
        // Before any of it comes.
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw NIOTooManyBytesError(maxBytes: limit)
        }
        do {
            return Array(try await body.collect(upTo: limit).readableBytesView)
        } catch let error as NIOTooManyBytesError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ControlRefusal.badRequest("the request body cannot be read: \(error)")
        }
    }
}
