/// Byte classes of the HTTP grammar and comparisons that ignore ASCII case.
package enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let hash: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let question: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let backslash: UInt8 = 0x5C

    /// Bit `b` is set when byte `b` (below 64) may stand in a token: ``!#$%&'*+-.`` and digits.
    private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    /// Bit `b - 64` is set when byte `b` (64 to 127) may stand in a token: letters and ``^_`|~``.
    private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    /// Whether `byte` is a `tchar` (RFC 9110, section 5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        if byte < 64 { return tokenLow >> UInt64(byte) & 1 != 0 }
        return byte < 128 && tokenHigh >> UInt64(byte - 64) & 1 != 0
    }

    /// Whether `byte` may stand in a field value: no control bytes but the tab (RFC 9110, section 5.5).
    @inline(__always)
    static func isFieldContent(_ byte: UInt8) -> Bool { byte >= space && byte != 0x7F || byte == tab }

    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// Whether `byte` is unreserved in a URI (RFC 3986, section 2.3).
    static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == 0x2D || byte == dot || byte == 0x5F || byte == 0x7E
    }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit, or nil.
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte - zero }
        let lower = byte | 0x20
        return lower &- 0x61 < 6 ? lower - 0x61 + 10 : nil
    }

    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? zero + value : 0x41 + value - 10 }

    /// The byte that `%XX` at `index` stands for, or nil when no complete escape stands there.
    static func escapedByte(_ bytes: Span<UInt8>, at index: Int) -> UInt8? {
        guard bytes[index] == percent, index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
            let low = hexValue(bytes[index + 2])
        else { return nil }
        return high << 4 | low
    }

    static func isToken(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where !isToken(bytes[index]) { return false }
        return !bytes.isEmpty
    }

    static func equalIgnoringCase(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where lowercased(a[index]) != lowercased(b[index]) { return false }
        return true
    }

    static func equalIgnoringCase(_ a: String, _ b: String) -> Bool {
        equalIgnoringCase(a.utf8Span.span, b.utf8Span.span)
    }

    static func hasPrefixIgnoringCase(_ bytes: Span<UInt8>, _ prefix: String) -> Bool {
        let prefix = prefix.utf8Span.span
        return bytes.count >= prefix.count && equalIgnoringCase(bytes.extracting(first: prefix.count), prefix)
    }

    static func hasSuffixIgnoringCase(_ bytes: Span<UInt8>, _ suffix: String) -> Bool {
        let suffix = suffix.utf8Span.span
        return bytes.count >= suffix.count && equalIgnoringCase(bytes.extracting(last: suffix.count), suffix)
    }

    /// Lower case for ASCII letters only; other characters stay.
    package static func lowercased(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for index in bytes.indices { bytes[index] = lowercased(bytes[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The range of `bytes[range]` without blanks at either end.
    static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, isBlank(bytes[lower]) { lower += 1 }
        while upper > lower, isBlank(bytes[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    /// The text without blanks at either end.
    static func trimmed(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        return String(copying: bytes.span.extracting(trimmed(bytes.span, 0..<bytes.count)))
    }

    /// A decimal number of digits only that fits, or nil.
    static func decimal(_ bytes: Span<UInt8>) -> Int64? {
        guard !bytes.isEmpty else { return nil }
        var value: Int64 = 0
        for index in bytes.indices {
            guard isDigit(bytes[index]) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(bytes[index] - zero))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

extension Array<UInt8> {
    /// Appends a copy of the bytes.
    mutating func append(copying bytes: Span<UInt8>) {
        // The pointer is used within this call only, to have one memcpy instead of a loop.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Appends the decimal digits of a number.
    mutating func append(decimal value: Int64) {
        append(copying: String(value).utf8Span.span)
    }

    /// Appends the bytes so that any two byte strings stay distinct and the whole is ASCII.
    ///
    /// Bytes outside ASCII become U+0001 and two hexadecimal digits. The text must hold no U+0001 itself, which neither
    /// a request target nor a field value can.
    mutating func append(injectively bytes: Span<UInt8>) {
        var isASCII = true
        for index in bytes.indices where bytes[index] >= 0x80 { isASCII = false }
        if isASCII {
            append(copying: bytes)
            return
        }
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x80 {
                append(byte)
            } else {
                append(contentsOf: [0x01, ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte & 15)])
            }
        }
    }
}

extension String {
    /// Decodes UTF-8, with U+FFFD for what is none.
    package init(copying bytes: Span<UInt8>) {
        // The pointer is used within this call only.
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
