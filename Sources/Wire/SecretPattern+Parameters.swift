internal import Core

extension SecretPattern {
    /// Where one is in a pattern for path and query.
    private enum Place {
        /// In the path: nothing that came could be the `?` of a query.
        case path
        case name, value
        /// In the value of a parameter that may be secret.
        case secretValue
    }

    /// Whether a pattern says anything of the value of a query parameter that may be a secret one.
    ///
    /// Wildcards may stand for any part of a name, for the separators around it, and for the `?` before the query. A `?` of the
    /// pattern that only literals come before is that of the query.
    static func mayHoldSecretParameter(_ pattern: [Glob.Piece]) -> Bool {
        var place = Place.path
        // The literal end of a name, and whether a wildcard comes before it.
        var end = ""
        var isOpen = false
        func begin(open: Bool) {
            place = .name
            end = ""
            isOpen = open
        }
        for piece in pattern {
            switch (place, piece) {
            case (.secretValue, .run), (.secretValue, .deepRun): break
            case (.secretValue, .literal("&")): begin(open: false)
            case (.secretValue, _): return true
            case (.path, .any), (_, .literal("?")): begin(open: false)
            case (.path, .literal): break
            case (_, .literal("&")), (_, .literal(";")): begin(open: false)
            case (.name, .literal("=")):
                let isSecret = isOpen ? mayEndSecretName(end) : Redaction.isSecretParameter(end)
                place = isSecret ? .secretValue : .value
            case (.name, .literal(let scalar)): end.unicodeScalars.append(scalar)
            case (.value, .literal): break
            case (_, .any), (_, .oneOf), (_, .run), (_, .deepRun): begin(open: true)
            }
        }
        return false
    }

    /// Whether the name of a secret parameter may end so; the first digits may be of an escape whose `%` is in a wildcard.
    private static func mayEndSecretName(_ end: String) -> Bool {
        let digits = end.utf8.prefix(2).prefix { ASCII.hexValue($0) != nil }.count
        return (0...digits).contains {
            Redaction.isSecretParameter(endingIn: Substring(end.unicodeScalars.dropFirst($0)))
        }
    }
}
