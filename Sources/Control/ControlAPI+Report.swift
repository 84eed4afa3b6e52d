internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Sessions
internal import Storage
internal import Platform

extension ControlAPI {
    /// How often an open inspection is asked after.
    private static let inspectionPoll = Duration.milliseconds(100)

    /// `GET /session/{id}`: streamed, so that a report of any length takes the memory of one piece.
    func report(_ id: SessionID) async throws -> Response {
        guard let row = await parts.registry.row(of: id) else { throw SessionError.unknown }
        guard row.revoked != nil else { throw ControlRefusal.badRequest("session token is active") }
        try await waitForInspections(of: id)
        let (pool, make) = (parts.pool, parts.report)
        // The first piece is made before the head is sent, so that what fails at once is an error and not a torn body.
        let (pieces, first) = try await pool.run { () throws -> (any ReportPieces, [UInt8]?) in
            let pieces = try make(row)
            return (pieces, try pieces.next())
        }
        let body = ResponseBody { writer in
            var piece = first
            while let bytes = piece {
                try await writer.write(ByteBuffer(bytes: bytes))
                piece = try await pool.run { try pieces.next() }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
    }

    /// Gives open inspections their time; those that are open afterwards stand under `incomplete`.
    private func waitForInspections(of id: SessionID) async throws {
        let records = parts.records
        let deadline = parts.clock.monotonic() + settings.inspectionWait
        while try await parts.pool.run({ try !records.unconcluded(of: id, limit: 1).isEmpty }) {
            guard parts.clock.monotonic() < deadline, !Task.isCancelled else { return }
            await parts.clock.sleep(Self.inspectionPoll)
        }
    }
}
