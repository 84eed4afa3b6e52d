import ArgumentParser
import Core
import Glibc

/// `fetchctl cache`.
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Look at the cache, check it, make room in it.",
        subcommands: [
            CacheStatsCommand.self, CacheListCommand.self, CacheVerifyCommand.self, CacheCollectCommand.self,
        ])
}

/// `fetchctl cache stats`.
struct CacheStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stats", abstract: "Show how much the cache holds.")

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print what the service says, as JSON.") var json = false

    func run() throws {
        let facts = try service.locator.findRunning().control.json("GET", "/cache")
        if json { return Output.write(json: facts) }
        Output.write(CacheText.facts(facts).map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
    }
}

/// `fetchctl cache ls`.
struct CacheListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the stored responses, the oldest first.",
        discussion: "With --json every response is a line of its own.")

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print each response as a line of JSON.") var json = false
    @Option(help: "Print so many at most; 0 for all.") var limit: UInt32 = 0
    @Argument(help: ArgumentHelp("Only URLs in which this text stands.", valueName: "text")) var text: String?

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        let style = TerminalStyle(of: STDOUT_FILENO, environment: locator.environment)
        var (left, cursor) = (limit == 0 ? Int.max : Int(limit), String?.none)
        var isFirst = true
        repeat {
            let page = try control.json("GET", "/cache/entries?limit=1000" + (cursor.map { "&after=\($0)" } ?? ""))
            guard let entries = page["entries"]?.list else {
                throw ControlError(kind: .malformed, call: "GET /cache/entries", reason: "it has no entries")
            }
            let wanted = entries.filter { entry in text.map { entry["url"]?.text?.contains($0) ?? false } ?? true }
            let shown = Array(wanted.prefix(left))
            left -= shown.count
            if json {
                for entry in shown { Output.write(json: entry) }
            } else {
                let table = CacheText.table(shown, style: style)
                let lines = (isFirst && !shown.isEmpty ? [table.titles] : []) + table.lines
                Output.write(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
            }
            if !shown.isEmpty { isFirst = false }
            cursor = page["next"]?.text.flatMap { ControlClient.isPlain($0) ? $0 : nil }
        } while left > 0 && cursor != nil
        if isFirst, !json {
            Output.write("No stored response" + (text == nil ? "" : " matches") + ".\n", to: STDOUT_FILENO)
        }
    }
}

/// `fetchctl cache verify`.
struct CacheVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare every stored body with its digest.",
        discussion: """
            A body that is not right is dropped, and fetched again when it is asked for. The exit status is 1 when one was \
            damaged or missing, or could not be read. The service goes on with it when fetchctl is interrupted.
            """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print the outcome as JSON.") var json = false
    @Flag(help: "Return at once, and let the service go on.") var noWait = false

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        let outcome = try CacheWork(path: "/cache/verify", control: control, locator: locator)
            .run(body: nil, waits: !noWait) { CacheText.verifying($0) }
        if json {
            Output.write(json: outcome)
        } else {
            Output.write(CacheText.verified(outcome) + "\n", to: STDOUT_FILENO)
        }
        let wrong = ["damaged", "missing", "unreadable"].reduce(0) { $0 + (outcome[$1]?.integer ?? 0) }
        if wrong > 0 || outcome["state"]?.text == "failed" { throw ExitCode(ExitStatus.failure) }
    }
}

/// `fetchctl cache gc`.
struct CacheCollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Make room now: evict what was unused for longest, remove what nothing names.",
        discussion: """
            Without --to it goes down to where eviction stops by itself, 90 % of the limit. What sessions that are alive \
            have downloaded stays.
            """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print the outcome as JSON.") var json = false
    @Flag(help: "Return at once, and let the service go on.") var noWait = false
    @Option(
        help: ArgumentHelp("Down to so many bytes on the disk, such as 500M or 20G; 0 evicts all.", valueName: "bytes"),
        transform: ByteCountText.bytes)
    var to: Int64?

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        let outcome = try CacheWork(path: "/cache/gc", control: control, locator: locator)
            .run(body: to.map { ["to": .integer($0)] }, waits: !noWait) { CacheText.collecting($0) }
        if json {
            Output.write(json: outcome)
        } else {
            Output.write(CacheText.collected(outcome) + "\n", to: STDOUT_FILENO)
        }
        if outcome["state"]?.text == "failed" { throw ExitCode(ExitStatus.failure) }
    }
}

/// Numbers of bytes on the command line.
enum ByteCountText {
    /// Reads `1000`, `500M` or `20GiB`; the prefixes are powers of 1024, as `fetch-service` reads them.
    static func bytes(_ text: String) throws -> Int64 {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let powers: [String: Int64] = [
            "": 0, "b": 0, "k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4,
        ]
        guard let number = Int64(digits), let power = powers[text.dropFirst(digits.count).lowercased()] else {
            throw ValidationError("A number of bytes is written as 1000, 500M or 20G, not '\(Shown.text(text))'.")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * power))
        guard !overflow else { throw ValidationError("'\(Shown.text(text))' is too much.") }
        return bytes
    }
}
