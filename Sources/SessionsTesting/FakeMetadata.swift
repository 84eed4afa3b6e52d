internal import Core
package import Sessions
package import Storage
package import Platform

/// Writes the end time, or fails.
package struct FakeMetadata: SessionMetadata {
    package struct Broken: Error {}

    /// Whether the next session's files cannot be written.
    package let isBroken = Lock(false)

    package init() {}

    package func write(_ row: SessionRow, into folder: SessionFolder) throws {
        if isBroken.withLock({ $0 }) { throw Broken() }
        try folder.write("session.json", Array((row.revoked?.rfc3339 ?? "never").utf8))
        try folder.write("assets/a.json", Array("{}".utf8))
    }
}
