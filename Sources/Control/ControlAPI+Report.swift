internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Sessions
internal import Storage
internal import Platform
internal import Wire

extension ControlAPI {
    static let reportRoutes: [Route] = [
        Route(.get, "/session/{id}", .administrator, .report) { api, _, context in
            try await api.report(try session(of: context))
        },
        Route(.get, "/session/{id}/artifacts/{sha256}", .administrator, .artifact) { api, request, context in
            guard let text = context.parameters.get("sha256"), let digest = SHA256Digest(hex: text) else {
                throw SessionError.unknown
            }
            // Only a GET can be for a part (RFC 9110, section 14.2).
            let range = request.method == .get ? request.headers[.range] : nil
            return try await api.artifact(digest, of: try session(of: context), range)
        },
    ]

    /// How often an open inspection is asked after.
    private static let inspectionPoll = Duration.milliseconds(100)
    /// What is read of an artifact at once.
    private static let pieceSize = 256 << 10

    /// `GET /session/{id}`: streamed, so that a report of any length takes the memory of one piece.
    private func report(_ id: SessionID) async throws -> Response {
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

    // MARK: Artifacts

    /// `GET /session/{id}/artifacts/{sha256}`: the bytes as they were served, or one range of them.
    ///
    /// They are foreign, so a browser gets nothing of them but a file to save. The open reader keeps them readable,
    /// whatever is evicted or removed meanwhile.
    private func artifact(_ digest: SHA256Digest, of id: SessionID, _ range: String?) async throws -> Response {
        guard await parts.registry.row(of: id) != nil else { throw SessionError.unknown }
        let (records, open) = (parts.records, parts.artifact)
        let use = try await parts.pool.run { try records.exchanges(of: id, digest: digest, after: 0, limit: 1).first }
        guard let use else {
            throw ControlRefusal(
                status: .notFound, text: "404 Not Found: the session has recorded no download of \(digest)")
        }
        let reader = try await parts.pool.run { try open(id, digest) }
        // What has no bytes is not stored either.
        guard let size = reader?.size ?? (use.size == 0 ? 0 : nil) else {
            throw ControlRefusal(
                status: .gone, text: "the bytes of \(digest) are not in the cache any more; the record of them stays")
        }
        var headers: HTTPFields = [
            .contentType: "application/octet-stream", .acceptRanges: "bytes", .xContentTypeOptions: "nosniff",
            .contentDisposition: "attachment; filename=\"\(digest).data\"", .contentSecurityPolicy: "sandbox",
        ]
        headers[.reprDigest] = DigestFields.value(digest)
        var fields = Fields()
        if let range { fields.append("Range", range) }
        switch ByteRange.single(fields, size: size) {
        // Several ranges are answered with the whole, as RFC 9110, section 14.2, allows.
        case .none, .several:
            return Response(status: .ok, headers: headers, body: bytes(of: reader, 0, size))
        case .range(let range):
            headers[.contentRange] = range.contentRange(size: size)
            return Response(
                status: .partialContent, headers: headers, body: bytes(of: reader, range.first, range.count))
        case .unsatisfiable:
            return ControlReply.text(
                .rangeNotSatisfiable, "the artifact has \(size) bytes",
                headers: [.contentRange: ByteRange.unsatisfiedContentRange(size: size)])
        }
    }

    /// A part of an artifact, read piece by piece as the client takes it.
    private func bytes(of reader: (any BlobReader)?, _ start: Int64, _ count: Int64) -> ResponseBody {
        guard let reader else { return ResponseBody() }
        let pool = parts.pool
        return ResponseBody(contentLength: Int(count)) { writer in
            var position = start
            while position < start + count {
                let (offset, wanted) = (position, Int(min(Int64(Self.pieceSize), start + count - position)))
                let piece = try await pool.run {
                    let piece = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                        filled = try reader.read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
                    }
                    guard !piece.isEmpty else {
                        throw StoreError(.corrupt, "read an artifact", "it ends at byte \(offset)")
                    }
                    return piece
                }
                position += Int64(piece.count)
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
    }
}
