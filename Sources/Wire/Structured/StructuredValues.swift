/// A value without parameters in a structured field (RFC 9651, section 3.3).
package enum BareItem: Sendable, Hashable {
    /// At most 15 digits.
    case integer(Int64)
    /// Thousandths; at most 12 digits before the point.
    case decimal(thousandths: Int64)
    /// Visible ASCII and spaces.
    case string(String)
    case token(String)
    case bytes([UInt8])
    case boolean(Bool)
    /// Seconds since 1970.
    case date(Int64)
    /// Any Unicode text.
    case displayString(String)
}

/// The parameters of an item or an inner list, in their order, each key once (RFC 9651, section 3.1.2).
package struct StructuredParameters: Sendable, Hashable {
    package private(set) var pairs: [Pair] = []

    package struct Pair: Sendable, Hashable {
        package let key: String
        package var value: BareItem
    }

    package init() {}

    /// The value of a key; setting one that exists changes it in its place.
    package subscript(key: String) -> BareItem? {
        get { pairs.first { $0.key == key }?.value }
        set {
            let index = pairs.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): pairs[index].value = value
            case (let index?, nil): pairs.remove(at: index)
            case (nil, let value?): pairs.append(Pair(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

/// A value with its parameters (RFC 9651, section 3.3).
package struct StructuredItem: Sendable, Hashable {
    package var value: BareItem
    package var parameters: StructuredParameters

    package init(_ value: BareItem, parameters: StructuredParameters = StructuredParameters()) {
        self.value = value
        self.parameters = parameters
    }
}

/// A member of a list or a dictionary (RFC 9651, sections 3.1 and 3.2).
package enum StructuredMember: Sendable, Hashable {
    case item(StructuredItem)
    case innerList([StructuredItem], parameters: StructuredParameters)
}

/// A dictionary in its order, each key once (RFC 9651, section 3.2).
package struct StructuredDictionary: Sendable, Hashable {
    package private(set) var entries: [Entry] = []

    package struct Entry: Sendable, Hashable {
        package let key: String
        package var member: StructuredMember
    }

    package init() {}

    /// The member of a key; setting one that exists changes it in its place.
    package subscript(key: String) -> StructuredMember? {
        get { entries.first { $0.key == key }?.member }
        set {
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let member?): entries[index].member = member
            case (let index?, nil): entries.remove(at: index)
            case (nil, let member?): entries.append(Entry(key: key, member: member))
            case (nil, nil): break
            }
        }
    }
}

/// Why a text is no structured field, or a value cannot be written as one; the field is then ignored as a whole.
package struct StructuredFieldError: Error, Sendable, Equatable {
    package var reason: String
}
