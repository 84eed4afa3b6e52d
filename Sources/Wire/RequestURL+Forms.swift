extension RequestURL {
    /// The URL as the record and inspectors show it.
    ///
    /// An https URL always names its port; an http URL names one when it came with one.
    package var recorded: String {
        let host = scheme == .https || hasExplicitPort ? authority.text : authority.bracketedHost
        return "\(scheme.rawValue)://\(host)\(target == "*" ? "/*" : target)"
    }

    /// The URL under which a response is stored.
    ///
    /// It is the URL as it came, but for the case of scheme and host, the default port, a trailing dot of the host, and
    /// unreserved characters that came percent-encoded, if all escapes are well-formed. `%2F`, `%25`, `//` and `;` stay, as do dot segments. Bytes
    /// outside ASCII are written unmistakably, so that different targets never have one key.
    package var key: String {
        var out: [UInt8] = []
        out.reserveCapacity(authority.host.utf8.count + target.utf8.count + 16)
        out.append(copying: (scheme == .http ? "http://" : "https://").utf8Span.span)
        out.append(copying: authority.hostHeader(for: scheme).utf8Span.span)
        if let rawTarget {
            RequestURL.appendNormalised(rawTarget.span, to: &out)
        } else {
            RequestURL.appendNormalised(target.utf8Span.span, to: &out)
        }
        return String(copying: out.span)
    }

    /// Appends a target in normal form.
    ///
    /// A target with a `%` that begins no escape stays as it is: in `%%42a` decoding would make an escape out of what was
    /// none, and with it the key of `%Ba`, which is another target.
    private static func appendNormalised(_ target: Span<UInt8>, to out: inout [UInt8]) {
        for index in target.indices
        where target[index] == ASCII.percent && ASCII.escapedByte(target, at: index) == nil {
            return out.append(injectively: target)
        }
        var run = 0
        var index = 0
        while index < target.count {
            if target[index] == ASCII.percent, let byte = ASCII.escapedByte(target, at: index),
                ASCII.isUnreserved(byte)
            {
                out.append(injectively: target.extracting(run..<index))
                out.append(byte)
                index += 3
                run = index
            } else {
                index += 1
            }
        }
        out.append(injectively: target.extracting(run..<target.count))
    }

    /// Whether servers may read an ASCII target differently.
    ///
    /// Control bytes that are percent-encoded make it so, since some servers strip them or end the text there, and in the path
    /// backslashes, plain or encoded, and `.` or `..` as a segment. Encoded dots count, encoded slashes separate like plain
    /// ones, and what follows a `;` in a segment is left out, since some servers drop path parameters before they resolve
    /// segments.
    static func isAmbiguous(_ target: Span<UInt8>) -> Bool {
        var dots = 0
        var hasOther = false
        var isParameter = false
        var isQuery = false
        var index = 0
        while index < target.count {
            var byte = target[index]
            index += 1
            if byte == ASCII.question { isQuery = true }
            if byte == ASCII.percent, let escaped = ASCII.escapedByte(target, at: index - 1) {
                byte = escaped
                index += 2
            }
            if byte < ASCII.space || byte == 0x7F { return true }
            if isQuery { continue }
            switch byte {
            case ASCII.backslash: return true
            case ASCII.slash:
                if !hasOther, dots == 1 || dots == 2 { return true }
                dots = 0
                hasOther = false
                isParameter = false
            case ASCII.semicolon: isParameter = true
            case ASCII.dot where !isParameter: dots += 1
            default: hasOther = hasOther || !isParameter
            }
        }
        return !hasOther && (dots == 1 || dots == 2)
    }
}
