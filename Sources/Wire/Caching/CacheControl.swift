/// The `Cache-Control` field of a request or a response (RFC 9111, section 5.2).
///
/// Names compare without case, values come as tokens or quoted strings. What is unreadable or contradictory is taken the
/// careful way: an unreadable or repeated differing lifetime is 0 (section 4.2.1), an unreadable `min-fresh` is endless, and
/// a quoted string without end, in which any directive may hide, means `no-store`.
package struct CacheControl: Sendable, Equatable {
    /// Seconds are held at this value, as section 1.2.2 demands for what is too large.
    package static let longest: Int64 = 1 << 31

    /// Whether any directive was given.
    package private(set) var isPresent = false
    /// Seconds; a response's lifetime, or the greatest age that a request takes.
    package private(set) var maxAge: Int64?
    /// Seconds; a response's lifetime in shared caches.
    package private(set) var sMaxAge: Int64?
    package private(set) var noStore = false
    /// `no-cache` without field names.
    package private(set) var noCache = false
    /// The fields that `no-cache="…"` names, in lower case.
    package private(set) var noCacheFields: [String] = []
    /// `private` without field names.
    package private(set) var isPrivate = false
    /// The fields that `private="…"` names, in lower case.
    package private(set) var privateFields: [String] = []
    package private(set) var isPublic = false
    package private(set) var mustRevalidate = false
    package private(set) var proxyRevalidate = false
    package private(set) var mustUnderstand = false
    /// RFC 8246.
    package private(set) var immutable = false
    package private(set) var onlyIfCached = false
    /// Seconds; ``longest`` when given without a value.
    package private(set) var maxStale: Int64?
    /// Seconds.
    package private(set) var minFresh: Int64?
    /// Seconds (RFC 5861).
    package private(set) var staleIfError: Int64?
    /// Seconds (RFC 5861).
    package private(set) var staleWhileRevalidate: Int64?
    package private(set) var noTransform = false

    /// Reads all `Cache-Control` lines; allocates only for qualified directives.
    package init(_ fields: Fields) {
        fields.forEachMember("cache-control") { read($0) }
    }

    private mutating func read(_ member: Span<UInt8>) {
        var equals = 0
        while equals < member.count, member[equals] != ASCII.equals { equals += 1 }
        let name = member.extracting(ASCII.trimmed(member, 0..<equals))
        let hasValue = equals < member.count
        let value = member.extracting(hasValue ? equals + 1..<member.count : equals..<equals)
        func isNamed(_ text: String) -> Bool { ASCII.equalIgnoringCase(name, text.utf8Span.span) }
        isPresent = true
        if CacheControl.hasOpenQuote(member) { noStore = true }

        if isNamed("max-age") {
            maxAge = CacheControl.lifetime(value, after: maxAge)
        } else if isNamed("s-maxage") {
            sMaxAge = CacheControl.lifetime(value, after: sMaxAge)
        } else if isNamed("no-store") {
            noStore = true
        } else if isNamed("no-cache") {
            if let names = CacheControl.fieldNames(value) { noCacheFields += names } else { noCache = true }
        } else if isNamed("private") {
            if let names = CacheControl.fieldNames(value) { privateFields += names } else { isPrivate = true }
        } else if isNamed("public") {
            isPublic = true
        } else if isNamed("must-revalidate") {
            mustRevalidate = true
        } else if isNamed("proxy-revalidate") {
            proxyRevalidate = true
        } else if isNamed("must-understand") {
            mustUnderstand = true
        } else if isNamed("immutable") {
            immutable = true
        } else if isNamed("only-if-cached") {
            onlyIfCached = true
        } else if isNamed("max-stale") {
            let seconds = hasValue ? CacheControl.seconds(value) ?? 0 : CacheControl.longest
            maxStale = min(seconds, maxStale ?? seconds)
        } else if isNamed("min-fresh") {
            minFresh = max(CacheControl.seconds(value) ?? CacheControl.longest, minFresh ?? 0)
        } else if isNamed("stale-if-error") {
            let seconds = CacheControl.seconds(value) ?? 0
            staleIfError = min(seconds, staleIfError ?? seconds)
        } else if isNamed("stale-while-revalidate") {
            let seconds = CacheControl.seconds(value) ?? 0
            staleWhileRevalidate = min(seconds, staleWhileRevalidate ?? seconds)
        } else if isNamed("no-transform") {
            noTransform = true
        }
    }

    private static func hasOpenQuote(_ member: Span<UInt8>) -> Bool {
        var isOpen = false
        var index = 0
        while index < member.count {
            if member[index] == ASCII.quote { isOpen = !isOpen }
            if isOpen, member[index] == ASCII.backslash { index += 1 }
            index += 1
        }
        return isOpen
    }

    /// A lifetime directive: 0 when it is unreadable or differs from an earlier one (RFC 9111, section 4.2.1).
    private static func lifetime(_ value: Span<UInt8>, after earlier: Int64?) -> Int64 {
        guard let seconds = seconds(value) else { return 0 }
        return earlier == nil || earlier == seconds ? seconds : 0
    }

    /// Delta seconds, also in quotes, held at ``longest``.
    static func seconds(_ value: Span<UInt8>) -> Int64? {
        var digits = value
        if value.count >= 2, value[0] == ASCII.quote, value[value.count - 1] == ASCII.quote {
            digits = value.extracting(1..<value.count - 1)
        }
        guard !digits.isEmpty else { return nil }
        for index in digits.indices where !ASCII.isDigit(digits[index]) { return nil }
        return min(ASCII.decimal(digits) ?? longest, longest)
    }

    /// The field names of a qualified directive.
    ///
    /// - Returns: nil when the directive must count as unqualified: without names, with unreadable ones, or naming a field
    ///   without which the stored response would mean something else.
    private static func fieldNames(_ value: Span<UInt8>) -> [String]? {
        let text = Fields.unquoted(String(copying: value))
        var names: [String] = []
        for piece in text.utf8.split(separator: ASCII.comma) {
            let name = ASCII.lowercased(ASCII.trimmed(Substring(piece)))
            guard Fields.isValidName(name) else { return nil }
            guard !HopByHop.isProtected(name) || personal.contains(name) else { return nil }
            names.append(name)
        }
        return names.isEmpty ? nil : names
    }

    /// Fields about a user that a response can do without.
    private static let personal: Set<String> = ["set-cookie", "authentication-info", "www-authenticate"]
}
