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
    let records: JournaledRecords
    let database: SQLiteRecords
    let recorder: Recorder
    let catalog: SQLiteCatalog
    let disk: DiskStore
    let cache: ResponseCache

    init(_ folder: StateFolder, cacheSize: ByteAmount?, log: Logger) throws(StartFailure) {
        do {
            database = try SQLiteRecords(path: folder.records) { _ in
                log.error("the disk is full: the record has taken its reserve; make room in \(folder.path)")
            }
            records = try JournaledRecords(database, path: folder.journal, bootID: BootID.current()) { error in
                log.error("the record: \(error)")
            }
        } catch {
            throw .service("cannot start service: the record: \(error)")
        }
        do {
            catalog = try SQLiteCatalog(path: folder.catalog)
            disk = try DiskStore(root: folder.content, settings: Self.diskSettings)
        } catch {
            throw .service("cannot start service: the cache: \(error)")
        }
        if let notice = catalog.notice { log.warning("the cache was set aside: \(notice)") }
        recorder = Recorder(records: records)
        var settings = ResponseCache.Settings()
        if let cacheSize { settings.sizeCap = cacheSize.bytes }
        cache = ResponseCache(catalog: catalog, blobs: disk, settings: settings) { error in
            log.warning("the cache's catalog: \(error)")
        }
    }

    /// The defaults, with less where there is little memory: a sixteenth for decoded text, a quarter for mapped files.
    private static var diskSettings: DiskStoreSettings {
        var settings = DiskStoreSettings()
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
            try records.close()
            try database.close()
            try catalog.close()
        } catch {
            log.warning("closing the stores: \(error)")
        }
    }
}
