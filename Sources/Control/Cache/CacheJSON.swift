internal import Core

/// The cache's values as the control API shows them.
extension CacheFacts {
    /// With what goes on, where something does or did.
    func json(_ verification: CacheVerification?, _ collection: CacheCollection?) -> JSONValue {
        var scrubbing = scrubbed.members
        scrubbing["last-pass"] = scrubPassEnded.map { .string($0.rfc3339) } ?? .null
        return [
            "entries": .integer(entries), "blobs": .integer(blobs), "logical-bytes": .integer(logicalBytes),
            "bytes-on-disk": .integer(bytesOnDisk), "limit": .integer(limit), "low-mark": .integer(lowMark),
            "space-left": .integer(spaceLeft),
            "evictions": ["blobs": .integer(Int64(evictedBlobs)), "bytes": .integer(evictedBytes)],
            "scrubbing": .object(scrubbing), "verification": verification?.json ?? .null,
            "collection": collection?.json ?? .null,
        ]
    }
}

extension CacheComparison {
    var members: [String: JSONValue] {
        [
            "checked": .integer(Int64(checked)), "damaged": .integer(Int64(damaged)),
            "missing": .integer(Int64(missing)), "unreadable": .integer(Int64(unreadable)), "bytes": .integer(bytes),
        ]
    }
}

extension CachedEntry {
    var json: JSONValue {
        [
            "number": .integer(number), "url": .string(url), "status": .integer(Int64(status)),
            "sha256": .string(digest.hex), "size": .integer(size), "stored": .string(stored.rfc3339),
            "fresh-until": .string(freshUntil.rfc3339), "freshness": .string(freshness.rawValue), "vary": .texts(vary),
            "session-id": session.map { .string($0.text) } ?? .null,
        ]
    }
}

extension CacheVerification {
    var json: JSONValue {
        var members = comparison.members
        members["state"] = .string(state.rawValue)
        members["started"] = .string(started.rfc3339)
        members["ended"] = ended.map { .string($0.rfc3339) } ?? .null
        members["blobs"] = .integer(blobs)
        if state == .failed { members["reason"] = .string(failure) }
        return .object(members)
    }
}

extension CacheCollection {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "state": .string(state.rawValue), "started": .string(started.rfc3339),
            "ended": ended.map { .string($0.rfc3339) } ?? .null, "goal": .integer(goal),
            "evicted-blobs": .integer(Int64(evictedBlobs)), "evicted-bytes": .integer(evictedBytes),
            "bytes-on-disk": .integer(bytesOnDisk),
        ]
        if state == .failed { members["reason"] = .string(failure) }
        return .object(members)
    }
}
