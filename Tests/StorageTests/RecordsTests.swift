import MemoryStorage
import SQLiteCatalog
import Storage
import StorageConformance
import Synchronization
import Testing

@Suite struct RecordsTests {
    @Test("A record keeps each promise", .timeLimit(.minutes(2)), arguments: fixtures, RecordsCheck.all)
    func keepsPromise(_ fixture: RecordsFixture, _ check: RecordsCheck) throws { try check.run(try fixture.make()) }

    static let fixtures = [
        RecordsFixture("memory") { MemoryRecordsHarness() },
        RecordsFixture("SQLite") { try SQLiteRecordsHarness() },
        RecordsFixture("SQLite that survives power loss") { try SQLiteRecordsHarness(.power) },
        RecordsFixture("SQLite behind a journal") { try JournaledRecordsHarness() },
        RecordsFixture("SQLite behind a journal that is taken in at once") {
            try JournaledRecordsHarness(linger: .zero)
        },
    ]
}

@Suite struct CatalogTests {
    @Test("A catalog keeps each promise", .timeLimit(.minutes(2)), arguments: fixtures, CatalogCheck.all)
    func keepsPromise(_ fixture: CatalogFixture, _ check: CatalogCheck) throws { try check.run(try fixture.make()) }

    static let fixtures = [
        CatalogFixture("memory") { MemoryCatalogHarness() },
        CatalogFixture("SQLite") { try SQLiteCatalogHarness() },
    ]
}

/// A medium that says that it is full when it is told to.
private final class Medium: Sendable {
    private let isFull = Atomic(false)

    func set(_ value: Bool) { isFull.store(value, ordering: .relaxed) }

    func check() throws(StoreError) {
        if isFull.load(ordering: .relaxed) { throw StoreError(.full, "write", "it is full") }
    }
}

private final class MemoryRecordsHarness: RecordsHarness {
    let records: any Records
    private let medium = Medium()

    init() { records = MemoryRecords { [medium] () throws(StoreError) in try medium.check() } }

    func crash() -> (any Records)? { nil }

    func setFull(_ isFull: Bool) { medium.set(isFull) }
}

private final class MemoryCatalogHarness: CatalogHarness {
    let catalog: any Catalog
    private let medium = Medium()

    init() { catalog = MemoryCatalog { [medium] () throws(StoreError) in try medium.check() } }

    func crash() -> (any Catalog)? { nil }

    func setFull(_ isFull: Bool) { medium.set(isFull) }
}
