import Core
import Glibc

/// Ends a loop that looks for something which nobody announces, when it does not come.
struct Deadline {
    private let end: MonotonicTime

    init(_ limit: Duration = .seconds(20)) { end = .now() + limit }

    struct Passed: Error {}

    func check() throws {
        // Lets those go on that are waited for.
        usleep(500)
        if MonotonicTime.now() > end { throw Passed() }
    }
}
