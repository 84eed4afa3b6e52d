import Core
import Cryptography
import Platform

/// The name and password that the control API asks for.
struct AdminCredentials: Equatable {
    var user: String
    var password: String

    /// Reads `user:password`; the password may have colons, and neither may be empty.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        user = String(text[..<colon])
        password = String(text[text.index(after: colon)...])
        guard !user.isEmpty, !password.isEmpty else { return nil }
    }

    private init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// Credentials in a file of the operator's: its first line is `user:password`.
    static func read(_ path: String) throws(StartFailure) -> AdminCredentials {
        do {
            let text = String(decoding: try Kernel.contents(of: path, limit: 4096), as: UTF8.self)
            if let given = AdminCredentials(String(text.prefix { $0 != "\n" && $0 != "\r\n" })) { return given }
        } catch {
            throw .service("cannot create service: administrator's credentials: \(error)")
        }
        throw .service(
            "cannot create service: the first line of \(path) must be user:password, neither of them empty")
    }

    /// Credentials of our own: those in the file, or new ones that are written there (0600).
    static func kept(at path: String) throws(StartFailure) -> AdminCredentials {
        do {
            if try Kernel.stat(path) != nil {
                let text = String(decoding: try Kernel.contents(of: path, limit: 4096), as: UTF8.self)
                guard let kept = AdminCredentials(String(text.prefix { $0 != "\n" })) else {
                    throw StartFailure.service(
                        "cannot create service: \(path) does not hold user:password; remove it to have new ones made")
                }
                try Kernel.chmod(path, 0o600)
                return kept
            }
            let made = AdminCredentials(user: "admin", password: SecureRandom.token())
            try Kernel.replaceFile(path, with: Array("\(made.user):\(made.password)\n".utf8), mode: 0o600)
            return made
        } catch let error as StartFailure {
            throw error
        } catch {
            throw .service("cannot create service: administrator's credentials: \(error)")
        }
    }
}
