/// What can be changed in the running service over the local socket.
package protocol ServiceUpdates: Sendable {
    /// Checks a configuration file's new content and, unless `validateOnly`, installs it: the file is replaced first,
    /// then what runs.
    ///
    /// - Throws: ``UpdateFailure``; nothing has changed then.
    func updateConfiguration(
        _ kind: ConfigurationKind, to text: [UInt8], validateOnly: Bool
    ) async throws(UpdateFailure)

    /// Checks a certificate and its key (PEM blocks in any order) and, unless `validateOnly`, makes them the proxy's
    /// authority.
    ///
    /// - Throws: ``UpdateFailure``; nothing has changed then.
    func updateCertificate(_ pem: [UInt8], validateOnly: Bool) async throws(UpdateFailure)
}

/// Which file of the configuration folder.
package enum ConfigurationKind: String, Sendable, CaseIterable { case acl, inspectors, service }

/// Why an update was refused; one line for the user, naming every mistake with its line.
package struct UpdateFailure: Error, Sendable, CustomStringConvertible {
    /// Whose fault it is.
    package enum Cause: Sendable {
        /// What was given cannot be used.
        case content
        /// The service could not put it there.
        case service
    }

    package let cause: Cause
    package let description: String

    /// Makes a failure.
    package init(_ description: String, cause: Cause = .content) {
        self.description = description
        self.cause = cause
    }
}
