internal import Core
internal import Logging
internal import Storage
internal import Platform

extension SessionRegistry {
    /// How long to wait before an expired session that could not be removed is tried again.
    private static let retryPause = Duration.seconds(60)

    /// Closes a session for requests, waits for its transfers to end, and records its end time.
    ///
    /// Callers that come meanwhile wait for the same work. After a failure the next call tries again.
    func close(_ entry: Entry) async throws(SessionError) {
        entry.session.close()
        if entry.row.revoked == nil { entry.row.revoked = max(clock.wall(), entry.row.created) }
        let closing = entry.closing ?? Task { await self.closeAtObserver(entry) }
        entry.closing = closing
        if let failure = await closing.value {
            if entry.closing == closing { entry.closing = nil }
            throw failure
        }
    }

    private func closeAtObserver(_ entry: Entry) async -> SessionError? {
        var failure: SessionError?
        if !entry.isRevocationRecorded, let end = entry.row.revoked {
            do throws(SessionError) {
                try await record([.revoke(entry.session.id, at: end)])
                entry.isRevocationRecorded = true
            } catch {
                failure = error
            }
        }
        // Also when the record cannot be written: the token must not work any more.
        await observer.sessionClosed(entry.session)
        if let secrets = entry.session.secrets {
            // Nobody may use them any more.
            secrets.wipe()
            await nameUnmatchedSecrets(of: entry.row)
        }
        return failure
    }

    /// Logs which of a session's secrets no request was for, since their patterns may be wrong.
    private func nameUnmatchedSecrets(of row: SessionRow) async {
        let records = records
        do {
            let unmatched = try await pool.run { try SecretUses(of: row, in: records).neverMatched }
            guard !unmatched.isEmpty else { return }
            let list = unmatched.map(String.init).joined(separator: ", ")
            log.warning(
                "no request matched the url of these secrets (counted from 0): \(list)",
                metadata: Self.metadata(of: row.id))
        } catch {
            log.warning("the uses of the secrets cannot be counted: \(error)", metadata: Self.metadata(of: row.id))
        }
    }

    /// Ends a session for good; callers that come meanwhile wait for the same work and then find it gone.
    func end(_ entry: Entry, keepingFolder: Bool) async throws(SessionError) {
        if let ending = entry.ending {
            if let failure = await ending.value { throw failure }
            throw .unknown
        }
        let ending = Task { () -> SessionError? in
            do throws(SessionError) {
                try await self.remove(entry, keepingFolder: keepingFolder)
                return nil
            } catch {
                return error
            }
        }
        entry.ending = ending
        if let failure = await ending.value {
            entry.ending = nil
            throw failure
        }
    }

    /// The steps of the end, in an order that a restart after any of them can take up again: the rows go last.
    private func remove(_ entry: Entry, keepingFolder: Bool) async throws(SessionError) {
        let id = entry.session.id
        try await close(entry)
        await prepareRemoval(of: id)
        if keepingFolder {
            try await writeMetadata(of: entry.row)
        } else {
            try await removeFolder(of: id)
        }
        await forget(id)
        do throws(StoreError) {
            try await recorder.remove(id)
        } catch {
            throw .storage(error)
        }
        drop(entry)
        await observer.sessionRemoved(entry.session)
        log.info("discarding session", metadata: Self.metadata(of: id))
    }

    private func writeMetadata(of row: SessionRow) async throws(SessionError) {
        let (metadata, folder) = (metadata, spool.folder(of: row.id))
        do {
            try await pool.run {
                try folder.make()
                try metadata.write(row, into: folder)
            }
        } catch {
            throw .spool(row.id, reason: "\(error)")
        }
    }

    // MARK: Expiry

    /// Waits until the session's lifetime is over, then removes it with its folder.
    func armTimer(of entry: Entry) {
        let clock = clock
        let (id, deadline) = (entry.session.id, entry.session.deadline)
        entry.timer = Task { [weak self] in
            var wait = deadline - clock.monotonic()
            while !Task.isCancelled {
                if wait > .zero {
                    await clock.sleep(wait)
                    wait = deadline - clock.monotonic()
                    continue
                }
                guard let self, await !self.expire(id) else { return }
                wait = Self.retryPause
                await clock.sleep(wait)
                wait = .zero
            }
        }
    }

    /// Removes a session whose lifetime is over.
    ///
    /// - Returns: Whether it is gone.
    private func expire(_ id: SessionID) async -> Bool {
        guard let entry = entries[id] else { return true }
        let metadata = Self.metadata(of: id)
        log.info("session expired", metadata: metadata)
        do throws(SessionError) {
            try await end(entry, keepingFolder: false)
            return true
        } catch .unknown {
            return true
        } catch {
            log.error("cannot remove the expired session, trying again in a minute: \(error)", metadata: metadata)
            return false
        }
    }

    // MARK: After a restart

    /// Takes up the sessions that the last process left; those whose lifetime is over expire at once.
    ///
    /// A session that was open when the machine went down is revoked: what its last moments delivered may not have
    /// reached the disk, so its report must not look complete.
    ///
    /// - Parameter handover: The credentials that the last process handed over; those of its other sessions are lost.
    /// - Throws: ``SessionError`` when they cannot be read or recorded.
    package func restore(_ handover: SecretHandover = SecretHandover()) async throws(SessionError) {
        var handover = handover
        let records = records
        let rows: [SessionRow]
        do {
            rows = try await pool.run { try records.sessions() }
        } catch {
            throw .storage(error as? StoreError ?? StoreError(.unavailable, "read the sessions", "\(error)"))
        }
        for var row in rows {
            if row.revoked == nil, row.bootID != bootID {
                let now = max(clock.wall(), row.created)
                let reason = "the machine was restarted while the session was open"
                try await record([.markIncomplete(row.id, reason: reason), .revoke(row.id, at: now)])
                row.revoked = now
                row.incompleteReason = reason
                log.warning("revoked: \(reason)", metadata: Self.metadata(of: row.id))
            }
            let secrets = row.revoked == nil ? handover.take(row) : nil
            if row.revoked == nil, !row.secrets.isEmpty, secrets == nil {
                log.warning(
                    "session secrets lost with the restart: requests that match one of \(row.secrets.count) are refused",
                    metadata: Self.metadata(of: row.id))
            }
            await enter(row, secrets: secrets)
        }
        if !rows.isEmpty { log.info("restored \(counted(rows.count, "session"))") }
    }
}
