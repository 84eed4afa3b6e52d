import Platform
import Sessions
import Wire

/// What one of the session's secrets means for a request.
///
/// Most go into the head, when it is sent. One for a Keystone service goes into the request's body, which is gathered for
/// that; what cannot be rewritten goes on as it came:
///
///     gathering   the body is being read                     gather(_:for:)
///     ready       it waits for the connection to the origin  sendGathered(of:)
///     out of it   the rest of the body goes by itself        isInTheWay is false
// Confined to its exchange's loop.
final class SecretUse {
    let secret: Secret
    /// Why the request goes without it, for the record; empty when it does not.
    var unusedBecause = ""
    /// Whether the request's body comes here.
    var isGathering = false
    /// What has come of it and is not sent.
    var bytes: [UInt8] = []
    /// The body that takes its place.
    var rewritten: SecretBytes?
    /// How much of what is ready was sent.
    var sent = 0
    /// What ends the body, when all of it has come.
    var trailers: Fields?
    /// Whether the body was read before the origin was asked, so that it waits for nobody's word.
    private(set) var wasGathered = false

    init(_ secret: Secret) { self.secret = secret }

    /// The secret, when it is put into the request.
    var injected: Secret? { unusedBecause.isEmpty ? secret : nil }

    /// How the body is framed that takes the place of the client's.
    var framing: BodyFraming? { rewritten.map { .length(Int64($0.count)) } }

    /// Whether bytes from here come before any others of the body.
    var isInTheWay: Bool { isGathering || !bytes.isEmpty || rewritten != nil || trailers != nil }

    func beginGathering() {
        isGathering = true
        wasGathered = true
    }

    /// Lets go of what is sent.
    func empty() {
        rewritten?.wipe()
        rewritten = nil
        bytes = []
        sent = 0
        trailers = nil
    }

    /// Takes out of the head for the origin what the secret takes the place of.
    func adapt(_ fields: inout Fields) {
        if wasGathered { fields.remove("Expect") }
        guard injected != nil else { return }
        // The secret is for this URL and method, and for no other that the origin may be told of.
        SharingRules.removeRewriting(from: &fields)
        if rewritten == nil {
            fields.remove("Authorization")
        } else {
            // They were of the client's body.
            for name in ["Content-MD5", "Digest", "Content-Digest", "Repr-Digest"] { fields.remove(name) }
        }
    }
}
