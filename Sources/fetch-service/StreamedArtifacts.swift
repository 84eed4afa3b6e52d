import Control
import Reports
import Storage
import Platform

/// The list of a session's artifacts for the local socket.
final class StreamedArtifacts: ReportPieces {
    private let stream: Lock<ArtifactListStream>

    init(_ stream: ArtifactListStream) { self.stream = Lock(stream) }

    /// Reads the record; the lock is never waited for, since one thread at a time asks.
    func next() throws -> [UInt8]? { try stream.withLock { (stream) throws(StoreError) in try stream.next() } }
}
