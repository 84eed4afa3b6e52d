internal import Core
internal import Logging
internal import Platform

extension LocalOperations {
    /// Answers with the backup's descriptor and an object that describes it.
    func backUp(_ archive: any RecordArchive) async -> LocalReply {
        do throws(ArchiveFailure) {
            let backup = try await archive.backUp()
            log.info(
                "local socket: backed the record up: \(counted(backup.sessions, "session")), \(backup.bytes) bytes")
            return .file(
                Self.text([
                    "sessions": .integer(backup.sessions), "exchanges": .integer(backup.exchanges),
                    "bytes": .integer(backup.bytes), "time": .string(backup.time.rfc3339),
                ]), backup.file)
        } catch {
            log.error("local socket: backup: \(error.logged)")
            return .error("cannot back the record up: \(error)")
        }
    }

    /// Answers with an object that says what came of it.
    func restore(_ request: LocalRequest, _ file: SharedDescriptor?, _ archive: any RecordArchive) async -> LocalReply {
        guard let file else { return .error("this operation takes a file, handed over as a descriptor") }
        do throws(SystemError) {
            // Anything may come over the socket, and reading from it must neither wait nor fail for that.
            guard try Kernel.fstat(file.raw).isRegular else { return .error("cannot restore: it is no regular file") }
            guard try Kernel.isReadable(file.raw) else {
                return .error("cannot restore: the file was not opened for reading")
            }
        } catch {
            log.error("local socket: restore: \(error)")
            return .error("cannot restore: the file cannot be looked at: \(SystemError.text(of: error.code))")
        }
        do throws(ArchiveFailure) {
            let outcome = try await archive.restore(file, validateOnly: request.validateOnly)
            if !request.validateOnly {
                log.info(
                    """
                    local socket: restored \(counted(outcome.restored.count, "session")) of the backup of \(outcome.time); \
                    known: \(outcome.known.count), expired: \(outcome.expired.count), failed: \(outcome.failed.count)
                    """)
            }
            func list(_ ids: [SessionID]) -> JSONValue { .texts(ids.map(\.text)) }
            return .ok(
                Self.text([
                    "restored": list(outcome.restored), "exchanges": .integer(outcome.exchanges),
                    "known": list(outcome.known), "expired": list(outcome.expired),
                    "failed": .object(
                        Dictionary(uniqueKeysWithValues: outcome.failed.map { ($0.key.text, .string($0.value)) })),
                    "time": .string(outcome.time.rfc3339),
                ]))
        } catch {
            // What is wrong with a file that somebody gave is no error of ours.
            log.log(level: error.isOfTheFile ? .warning : .error, "local socket: restore: \(error.logged)")
            return .error("cannot restore: \(error)")
        }
    }

    private static func text(_ members: [String: JSONValue]) -> String {
        String(decoding: JSONValue.object(members).json, as: UTF8.self)
    }
}
