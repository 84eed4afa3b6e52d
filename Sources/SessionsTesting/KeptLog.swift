package import Logging
package import Platform

/// A log whose lines a test can read, each with its level before it.
package struct KeptLog: LogHandler {
    private let lines: Lock<[String]>
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.debug

    /// Makes a log.
    ///
    /// - Parameter lines: Where its lines are added.
    package init(lines: Lock<[String]>) { self.lines = lines }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { lines.withLock { $0.append("\(event.level) \(event.message)") } }
}
