import Control
import Reports
import Storage
import Platform

/// A session's report for the control API.
final class StreamedReport: ReportPieces {
    private let stream: Lock<SessionReportStream>

    init(_ stream: SessionReportStream) { self.stream = Lock(stream) }

    /// Reads the record; the lock is never waited for, since one thread at a time asks.
    func next() throws -> [UInt8]? { try stream.withLock { (stream) throws(StoreError) in try stream.next() } }
}
