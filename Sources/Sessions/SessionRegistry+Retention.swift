internal import Core
internal import Logging
internal import Platform

extension SessionRegistry {
    /// Removes the files of sessions that were finished too long ago (``SessionSettings/filesLast``).
    ///
    /// Without that setting they stay until somebody deletes the session's resources.
    package func removeOldFiles() async {
        guard let longest = settings.filesLast else { return }
        let (spool, end) = (spool, clock.wall() + (.zero - longest))
        let old: [SessionID]
        do {
            old = try await pool.run { try spool.finished(before: end) }
        } catch {
            return log.warning("the files of finished sessions cannot be looked at: \(error)")
        }
        for id in old where session(id) == nil {
            do throws(SessionError) {
                try await deleteResources(of: id)
                log.info(
                    "removed the session's files, which were older than \(longest)", metadata: Self.metadata(of: id))
            } catch {
                log.warning("cannot remove the session's files: \(error)", metadata: Self.metadata(of: id))
            }
        }
    }
}

extension SpoolFolder {
    /// The sessions whose `session.json` was written before a time; blocks.
    func finished(before end: WallTime) throws(SystemError) -> [SessionID] {
        var found: [SessionID] = []
        for name in try Kernel.names(inFolder: path) {
            guard let id = SessionID(name), try Kernel.statusOfLink("\(path)/\(name)")?.isDirectory == true,
                let file = try Kernel.stat("\(path)/\(name)/session.json"),
                file.modified < end.nanoseconds
            else { continue }
            found.append(id)
        }
        return found
    }
}
