import Logging
import Platform
import Sessions

/// How the credentials of open sessions come over a restart: the service manager keeps a file in memory meanwhile.
///
/// Without a manager they are lost, and requests that they were for are refused.
struct SecretKeeping {
    let manager: ServiceManager
    let log: Logger

    /// Reads what the last process left.
    func handover(in file: SecretFile?) -> SecretHandover {
        guard let file else { return SecretHandover() }
        do {
            let handover = try SecretHandover(try file.contents())
            log.info("sessions whose secrets were handed over: \(handover.count)")
            return handover
        } catch {
            log.warning("the secrets that were handed over cannot be used: \(error)")
            return SecretHandover()
        }
    }

    /// Makes sure that what was read is nowhere else any more.
    func wipe(_ file: SecretFile?) {
        guard let file else { return }
        do {
            try file.wipe()
        } catch {
            log.warning("the secrets that were handed over cannot be wiped where they were: \(error)")
        }
        manager.forget(ManagerDescriptors.secretsName)
    }

    /// Leaves credentials for the next process.
    func keep(_ secrets: SecretBytes?) {
        guard let secrets else { return }
        defer { secrets.wipe() }
        do {
            try manager.keep(ManagerDescriptors.secretsName) { () throws(SystemError) in
                try SecretFile(ManagerDescriptors.secretsName, holding: secrets)
            }
        } catch {
            log.warning("the service manager does not keep the secrets of open sessions, which are lost: \(error)")
        }
    }
}
