import Cache
import Core
import Cryptography
import DiskStore
import Logging
import RecordJournal
import SQLiteCatalog
import Sessions
import Storage
import Platform

/// The backends, which are named only here.
struct Stores {
    /// Where the record is written and read: the journal in front of the database, or the database itself.
    let records: any Records
    /// `nil` where the database is written directly.
    let journal: JournaledRecords?
    let database: SQLiteRecords
    let recorder: Recorder
    let catalog: SQLiteCatalog
    let disk: DiskStore
    let cache: ResponseCache

    init(_ folder: StateFolder, _ settings: ServiceSettings, log: Logger) throws(StartFailure) {
        do {
            database = try SQLiteRecords(path: folder.records, durability: settings.recordDurability) { _ in
                log.error("the disk is full: the record has taken its reserve; make room in \(folder.path)")
            }
            // Also where it is not used: the last process may have left something in it.
            let journal = try JournaledRecords(database, path: folder.journal, bootID: BootID.current()) { error in
                log.error("the record: \(error)")
            }
            switch settings.recordDurability {
            case .process:
                self.journal = journal
                records = journal
            case .power:
                // What stands in the journal does not survive the machine.
                try journal.close()
                self.journal = nil
                records = database
            }
        } catch {
            throw .service("cannot start service: the record: \(error)")
        }
        do {
            catalog = try SQLiteCatalog(path: folder.catalog)
            disk = try DiskStore(root: folder.content, settings: Self.fitted(settings.disk))
        } catch {
            throw .service("cannot start service: the cache: \(error)")
        }
        if let notice = catalog.notice { log.warning("the cache was set aside: \(notice)") }
        recorder = Recorder(records: records)
        cache = ResponseCache(catalog: catalog, blobs: disk, settings: settings.cache) { error in
            log.warning("the cache's catalog: \(error)")
        }
    }

    /// What was chosen, with less where there is little memory: a sixteenth for decoded text, a quarter for mapped files.
    private static func fitted(_ chosen: DiskStoreSettings) -> DiskStoreSettings {
        var settings = chosen
        let memory = Memory.limit()
        settings.decodedMemory = min(settings.decodedMemory, Int(memory / 16))
        settings.mappedFiles = min(settings.mappedFiles, Int(memory / 4))
        return settings
    }

    /// Writes what is queued and closes the files.
    func close(_ log: Logger) {
        recorder.stop()
        cache.writer.stop()
        do {
            try journal?.close()
            try database.close()
            try catalog.close()
        } catch {
            log.warning("closing the stores: \(error)")
        }
    }
}
