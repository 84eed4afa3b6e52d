package import Storage
internal import Platform

/// The one thread that changes the catalog, in groups.
///
/// The catalog can be thrown away, so a change that fails is counted and reported, and nobody waits for it but those who
/// asked to be told.
package final class CatalogWriter: Sendable {
    private struct Item: Sendable {
        var changes: [CatalogChange]
        var completion: (@Sendable (StoreError?) -> Void)?
    }

    private let writer: BatchWriter<Item>

    /// Starts the thread; `failed` is called on it for groups that could not be written.
    package init(catalog: any Catalog, failed: @escaping @Sendable (StoreError) -> Void) {
        writer = BatchWriter(name: "catalog", mostPerBatch: 512) { items in
            var failure: StoreError?
            do throws(StoreError) {
                try catalog.apply(items.flatMap(\.changes))
            } catch {
                failure = error
                failed(error)
            }
            for item in items { item.completion?(failure) }
        }
    }

    package func submit(_ changes: [CatalogChange], completion: (@Sendable (StoreError?) -> Void)? = nil) {
        writer.submit([Item(changes: changes, completion: completion)])
    }

    package var queued: Int { writer.queued }

    /// Writes what is queued and ends.
    package func stop() { writer.stop() }
}
