import Core
import Glibc
import Storage
import Platform

/// Appends records to the current segment of one scope.
///
/// Every start of the service, and every writer, begins a new segment, so that what an interrupted write left stays at the
/// end of a file that is never written to again.
final class SegmentWriter: Sendable {
    private struct State {
        var lastNumber: UInt32
        var current: SharedDescriptor?
        var end: Int64 = 0
        var isClosed = false
    }

    /// What an append came to.
    struct Appended {
        var id: SegmentID
        var offset: Int64
        /// The segment that is full now.
        var finished: SegmentID?
    }

    private let scope: BlobScope
    private let layout: StoreLayout
    private let files: FileCalls
    private let settings: DiskStoreSettings
    // The one lock that is held across a write: an append is one copy into the page cache, and as the next one begins only
    // when it is done, a torn record is always the last one.
    private let state: Lock<State>

    /// Makes a writer that begins behind the segments that are there, of which `lastNumber` is the highest.
    init(scope: BlobScope, lastNumber: UInt32, layout: StoreLayout, files: FileCalls, settings: DiskStoreSettings) {
        self.scope = scope
        self.layout = layout
        self.files = files
        self.settings = settings
        state = Lock(State(lastNumber: lastNumber))
    }

    /// Appends one whole record; `nil` when this writer has been closed.
    func append(_ record: [UInt8]) throws(StoreError) -> Appended? {
        try state.withLock { (state) throws(StoreError) -> Appended? in
            guard !state.isClosed else { return nil }
            var finished: SegmentID?
            if state.current != nil, state.end + Int64(record.count) > settings.segmentSize {
                finished = SegmentID(scope: scope, number: state.lastNumber)
                state.current = nil
            }
            let id: SegmentID
            let file: SharedDescriptor
            do throws(SystemError) {
                if let current = state.current {
                    file = current
                } else {
                    file = try open(&state)
                }
                id = SegmentID(scope: scope, number: state.lastNumber)
                // A failed write leaves `end` where it is: the next record goes over what it left.
                try files.write(file, record, at: state.end)
                if settings.durability == .power { try files.sync(file) }
            } catch {
                throw StoreError(error, "append to segment \(state.lastNumber)")
            }
            defer { state.end += Int64(record.count) }
            return Appended(id: id, offset: state.end, finished: finished)
        }
    }

    /// The current segment, and how far it is written.
    var current: (id: SegmentID, end: Int64)? {
        state.withLock { state in
            state.current == nil ? nil : (SegmentID(scope: scope, number: state.lastNumber), state.end)
        }
    }

    /// The highest number in use.
    var lastNumber: UInt32 { state.withLock { $0.lastNumber } }

    /// Appends nothing any more; returns when an append in progress is done.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.current = nil
        }
    }

    private func open(_ state: inout State) throws(SystemError) -> SharedDescriptor {
        if case .session(let id) = scope { try files.makeFolder(layout.privateFolder(id)) }
        let file = try create(&state)
        if settings.durability == .power { try files.syncFolder(layout.segmentFolder(scope)) }
        state.current = file
        state.end = 0
        return file
    }

    /// Makes the next file; one that is there was made by an attempt that failed later, and is passed over.
    private func create(_ state: inout State) throws(SystemError) -> SharedDescriptor {
        while true {
            let id = SegmentID(scope: scope, number: state.lastNumber + 1)
            do {
                let file = try files.open(layout.segment(id), O_RDWR | O_CREAT | O_EXCL)
                state.lastNumber = id.number
                return file
            } catch {
                guard error.code == EEXIST else { throw error }
                state.lastNumber = id.number
            }
        }
    }
}
