import Core
import Foundation
import Logging
import Sessions
import SessionsTesting
import Storage
import Platform

/// A registry over fakes, in a folder of its own.
final class RegistryBench: Sendable {
    let folder: String
    let records: FakeRecords
    let recorder: Recorder
    let clock: ManualClock
    let observer = RecordingObserver()
    let metadata = FakeMetadata()
    let forgotten = Lock<[SessionID]>([])
    let pool = WorkerPool(name: "test", threads: 2, capacity: 64)
    let registry: SessionRegistry
    /// The lines of the log.
    let lines = Lock<[String]>([])

    init(
        allowsPermissive: Bool = true, records: FakeRecords = FakeRecords(), clock: ManualClock = ManualClock(),
        bootID: String = "boot-1"
    ) throws {
        folder = NSTemporaryDirectory() + "sessions-" + UUID().uuidString
        try Kernel.mkdir(folder)
        self.records = records
        self.clock = clock
        recorder = Recorder(records: records)
        let forgotten = forgotten
        registry = SessionRegistry(
            settings: SessionSettings(allowsPermissive: allowsPermissive), records: records, recorder: recorder,
            spool: SpoolFolder(path: folder), pool: pool, observer: observer, metadata: metadata,
            forget: { id in forgotten.withLock { $0.append(id) } }, clock: clock.clock, bootID: bootID,
            log: Logger(label: "test") { [lines] _ in KeptLog(lines: lines) })
    }

    func open(
        _ policy: SessionPolicy = .strict, timeout: UInt64 = 0, secrets: SessionSecrets? = nil
    ) async throws(SessionError) -> OpenedSession {
        try await registry.open(SessionRequest(policy: policy, timeout: timeout, secrets: secrets))
    }

    func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(path)") }

    deinit {
        recorder.stop()
        pool.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// An exchange with nothing in it.
func exchange(_ session: SessionID, marker: Int64 = 0) -> RecordChange {
    .exchange(row(session, marker: marker))
}

func row(_ session: SessionID, marker: Int64 = 0) -> ExchangeRow {
    ExchangeRow(session: session, category: .response, size: marker, download: Array("{}".utf8))
}

/// Whether a call fails in this way.
func fails(_ isExpected: (SessionError) -> Bool, _ call: () async throws(SessionError) -> Void) async -> Bool {
    do throws(SessionError) {
        try await call()
        return false
    } catch {
        return isExpected(error)
    }
}
