import Core
import Logging
import Platform
import Sessions
import Wire

/// Credentials of the session's own, which its requests get on their way to the origin.
extension Exchange {
    /// Finds the secret that the request is for, after its inspection.
    ///
    /// - Returns: `false` when the exchange waits for the request's body, or is over.
    func chooseSecret(for url: RequestURL) -> Bool {
        guard let secret = session.secrets?.first(for: url) else { return true }
        let use = SecretUse(secret)
        secretUse = use
        guard secret.credentials != nil else {
            use.unusedBecause = "it was lost when the service was restarted"
            refuse(
                503,
                "session secrets lost: the service was restarted, and this request needs the session's \(secret); "
                    + "open a new session")
            return false
        }
        guard secret.type == .keystoneV3 else { return true }
        guard hasRequestBody else {
            goWithout(use, "the request has no body")
            return true
        }
        if request.fields.all("Content-Encoding").contains(where: { ASCII.lowercased($0) != "identity" }) {
            goWithout(use, "the body has a content coding")
            return true
        }
        if case .length(let length) = requestFraming, length > settings.largestBodyForSecret {
            goWithout(use, tooLargeForSecret)
            return true
        }
        use.beginGathering()
        mayUpload = true
        if request.expectation == .continue { connection?.sendNow(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        connection?.bodyWanted()
        return false
    }

    private var tooLargeForSecret: String {
        "the body is larger than the \(settings.largestBodyForSecret) bytes into which it can be put"
    }

    /// The request goes on as it came.
    private func goWithout(_ use: SecretUse, _ reason: String) {
        use.unusedBecause = reason
        loop.context.log.debug("[\(session.id)] secret \(use.secret.index) was not put into a request: \(reason)")
    }

    /// Whether the answer may hold a token, so that its body must be nowhere.
    func isTokenWanted(_ url: RequestURL) -> Bool {
        secretUse?.secret.type == .keystoneV3 && hasRequestBody
            || TokenEndpoint.isAsked(method: request.method, url)
    }

    // MARK: - The request's body

    /// Takes a piece of the body that is to be rewritten.
    func gather(_ bytes: UnsafeRawBufferPointer, for use: SecretUse) -> Int {
        guard use.bytes.count + bytes.count <= settings.largestBodyForSecret else {
            use.isGathering = false
            goWithout(use, tooLargeForSecret)
            passThrough()
            return 0
        }
        use.bytes += bytes
        return bytes.count
    }

    /// All of the body is here: puts the secret into it, or leaves it as it is, and asks the origin.
    func gathered(_ trailers: Fields, for use: SecretUse) {
        use.isGathering = false
        use.trailers = trailers
        do throws(KeystoneBodyError) {
            let body = try KeystoneBody(use.bytes)
            guard let rewritten = use.secret.credentials?.body(of: body) else {
                return refuse(503, "the session has ended")
            }
            use.rewritten = rewritten
            use.bytes = []
            use.trailers = Fields()
        } catch {
            goWithout(use, error.description)
        }
        passThrough()
    }

    /// Sends what was gathered, as far as the origin takes it.
    ///
    /// - Returns: Whether the rest of the body may follow.
    func sendGathered(of use: SecretUse) -> Bool {
        guard !use.isGathering, let driver, driver.takesBody else { return false }
        func send(_ bytes: [UInt8]) -> Bool {
            let start = use.sent
            if start < bytes.count {
                use.sent += bytes.withUnsafeBytes { driver.sendBody(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            }
            return use.sent >= bytes.count
        }
        if let rewritten = use.rewritten {
            // A copy, since nothing may be sent while its lock is held.
            guard var bytes = rewritten.copy() else {
                sourceFailed("the session has ended", status: 503)
                return false
            }
            let isSent = send(bytes)
            SecretBytes.wipe(&bytes)
            guard isSent else { return false }
        } else {
            guard send(use.bytes) else { return false }
        }
        let trailers = use.trailers
        use.empty()
        guard let trailers else { return true }
        driver.endBody(trailers: trailers.isEmpty ? nil : trailers)
        return false
    }
}
