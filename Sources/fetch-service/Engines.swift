import Core
import Inspection
import Logging
import Storage

/// Makes the inspection engine of a session from what its row holds.
struct Engines: Sendable {
    let log: Logger

    /// The engine; a configuration that cannot be read any more trusts nothing.
    func engine(for row: SessionRow) -> InspectionEngine {
        do throws(InspectorsConfigurationError) {
            return InspectionEngine(configuration: try InspectorsConfiguration(json: row.configuration))
        } catch {
            log.error("the session's inspectors trust nothing: \(error)", metadata: ["session": "\(row.id)"])
            return InspectionEngine(configuration: InspectorsConfiguration())
        }
    }
}
