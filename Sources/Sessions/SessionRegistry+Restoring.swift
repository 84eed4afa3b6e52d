package import Core
internal import Logging
internal import Platform
package import Storage

/// What came of bringing back the sessions of a backup.
package struct SessionsRestored: Sendable, Equatable {
    /// Those that are alive again, all closed.
    package var restored: [SessionID] = []
    /// How many exchanges these have.
    package var exchanges: Int64 = 0
    /// Those whose ids had been used here.
    package var known: [SessionID] = []
    /// Those whose lifetime is over.
    package var expired: [SessionID] = []
    /// Those that could not be brought back, and why.
    package var failed: [SessionID: String] = [:]
}

extension SessionRegistry {
    /// A moment so that the record has all that belongs to sessions whose end time is before it.
    ///
    /// Returns when the sessions that are being closed are closed.
    package func settledTime() async -> WallTime {
        let now = clock.wall()
        for closing in entries.values.compactMap(\.closing) { _ = await closing.value }
        return now
    }

    /// Takes up the sessions of a backup that were never here, as after a restart but closed.
    ///
    /// Sessions whose ids were ever used here stay as they are, or gone. Those whose lifetime is over are left out: they
    /// would be removed at once. All ids that were used in the backup are used here afterwards.
    ///
    /// - Parameters:
    ///   - backup: The record of the backup.
    ///   - time: When it was made.
    ///   - validateOnly: Whether only to say what would be done.
    ///   - mayGoOn: Called before each piece that is recorded; what it throws ends the import of that session.
    /// - Returns: What became of each session.
    /// - Throws: ``SessionError``; the sessions that came before the failure are there then.
    package func restore(
        from backup: any Records, time: WallTime, validateOnly: Bool,
        mayGoOn: @escaping @Sendable () throws(StoreError) -> Void
    ) async throws(SessionError) -> SessionsRestored {
        let recorder = recorder
        let bringing = SessionImport(
            from: backup, to: records, time: time, pool: pool,
            commit: { (changes) async throws(StoreError) in _ = try await recorder.commit(changes) },
            remove: { (id) async throws(StoreError) in try await recorder.remove(id) })
        var outcome = SessionsRestored()
        do {
            for row in try await bringing.sessions() {
                guard !isStopping else { throw SessionError.stopping }
                try await restore(row, by: bringing, validateOnly, mayGoOn, &outcome)
            }
            guard !isStopping else { throw SessionError.stopping }
            if !validateOnly { try await bringing.reserveIDs(except: Set(outcome.failed.keys)) }
        } catch let error as SessionError {
            throw error
        } catch {
            throw .storage(error as? StoreError ?? StoreError(.unavailable, "restore the record", "\(error)"))
        }
        return outcome
    }

    private func restore(
        _ row: SessionRow, by bringing: SessionImport, _ validateOnly: Bool,
        _ mayGoOn: @escaping @Sendable () throws(StoreError) -> Void, _ outcome: inout SessionsRestored
    ) async throws {
        // Nobody may open a session with this id until it is there.
        guard entries[row.id] == nil, opening.insert(row.id).inserted else { return outcome.known.append(row.id) }
        defer { opening.remove(row.id) }
        if try await bringing.isKnown(row.id) { return outcome.known.append(row.id) }
        if row.created + .seconds(row.timeout) <= clock.wall() { return outcome.expired.append(row.id) }
        do {
            if validateOnly {
                outcome.exchanges += try await bringing.check(row, mayGoOn: mayGoOn)
            } else {
                outcome.exchanges += try await bringing.bring(row, mayGoOn: mayGoOn)
                await enter(row)
                log.info("restored from a backup", metadata: Self.metadata(of: row.id))
            }
            outcome.restored.append(row.id)
        } catch {
            let stored = error as? StoreError
            outcome.failed[row.id] = stored?.reason ?? "\(error)"
            guard !validateOnly else { return }
            let isOfTheFile = stored.map { [.rejected, .corrupt].contains($0.kind) } ?? false
            log.log(
                level: isOfTheFile ? .warning : .error, "cannot restore the session: \(error)",
                metadata: Self.metadata(of: row.id))
        }
    }
}
