internal import Wire

/// The metrics of the service: the one table that declares them.
///
/// `/metrics` is written from it (``MetricsText``), and so is `docs/metrics.md` (``MetricsDocumentation``). Labels take the
/// values that stand here and no others, so that a scraper keeps a bounded number of series whatever clients do.
package enum Metric: Sendable, Hashable, CaseIterable {
    // Requests.
    case requestsStarted, requests, requestsOpen, repeatedHits, firstByte, duration, sentBytes, receivedBytes
    case uploadedBytes, errors
    // Downloads from origins.
    case fillsOpen, fills, fillsResumed, originsOpened, originsReused, originsFailed, origins
    // Connections of clients.
    case connectionsAccepted, connections, unauthenticated, challenges, tunnels, acceptFailures, handshakes
    // Sessions.
    case sessionsOpened, sessions
    // The record.
    case recordRows, recordCommits, recordFailures, recordCommitDuration, recordWaiting
    case journalRows, journalBytes, journalTaken, journalFailures, journalDuration
    // The cache.
    case cacheBytes, cacheLimit, cacheContentBytes, cacheBlobs, cacheResponses, cacheMemory, diskFree
    case evictedBlobs, evictedBytes, comparedBlobs, damagedBodies
    // Queues.
    case queueWaiting, queueRunning, queueCapacity, queueRefused
    // The process.
    case ready, processTime, residentMemory, virtualMemory, openDescriptors, mostDescriptors, startTime, build

    /// What kind of numbers it has.
    package enum Kind: String, Sendable {
        /// Only grows, from 0 at the start of the process.
        case counter
        /// Goes up and down.
        case gauge
        /// Durations in seconds, in buckets.
        case histogram
    }

    /// A label and all the values that it takes.
    package struct Label: Sendable {
        package var name: String
        /// Empty for the one label that takes a single value unknown here: the version.
        package var values: [String]
    }

    /// A line of the table.
    struct Row: Sendable {
        var name: String
        var kind: Kind
        /// Of the numbers; empty for mere counts.
        var unit: String
        var help: String
        var labels: [Label]

        init(_ name: String, _ kind: Kind, unit: String = "", _ help: String, by labels: Label...) {
            self.name = name
            self.kind = kind
            self.unit = unit
            self.help = help
            self.labels = labels
        }
    }

    private static let outcome = Label(
        name: "outcome",
        values: ["hit", "revalidated", "stale", "joined", "miss", "private", "refused", "error", "aborted"])
    private static let source = Label(name: "source", values: ["network", "cache", "revalidated", "joined", "own"])
    private static let cause = Label(name: "cause", values: ProxyStatus.Failure.names)
    private static let way = Label(name: "way", values: ["journal", "commit"])
    private static let policy = Label(name: "policy", values: ["strict", "permissive"])
    private static let queue = Label(
        name: "queue",
        values: [
            "storage", "inspect", "leaves", "resolve", "loops", "recorder", "removals", "catalog", "session-blobs",
            "control",
        ])

    /// The line that declares it.
    var row: Row {
        switch self {
        case .requestsStarted:
            Row("fetch_service_requests_started_total", .counter, "Requests of sessions that were begun.")
        case .requests:
            Row(
                "fetch_service_requests_total", .counter,
                "Requests that have ended, by how they were answered: from the store (hit), from the store after the "
                    + "origin said that it is right (revalidated), or without asking (stale), with another request's "
                    + "download (joined), by the origin (miss; private when for one session alone), by us (refused, "
                    + "error), or not to the end (aborted).", by: Self.outcome)
        case .requestsOpen: Row("fetch_service_requests_open", .gauge, "Requests that are being answered.")
        case .repeatedHits:
            Row(
                "fetch_service_repeated_hits_total", .counter,
                "Hits whose request was the same as one before, byte by byte, and was not parsed again.")
        case .firstByte:
            Row(
                "fetch_service_first_byte_seconds", .histogram, unit: "seconds",
                "From a request to the first byte of its answer. What is held for its record begins late.",
                by: Self.outcome)
        case .duration:
            Row(
                "fetch_service_request_duration_seconds", .histogram, unit: "seconds",
                "From a request to the end of its answer, by the clock that a loop reads once a turn.",
                by: Self.outcome)
        case .sentBytes:
            Row(
                "fetch_service_sent_bytes_total", .counter, unit: "bytes",
                "Bytes of answers, heads included, that went to clients, by where they came from.", by: Self.source)
        case .receivedBytes:
            Row(
                "fetch_service_received_bytes_total", .counter, unit: "bytes",
                "Bytes of bodies that came from origins, as they came.")
        case .uploadedBytes:
            Row(
                "fetch_service_uploaded_bytes_total", .counter, unit: "bytes",
                "Bytes of bodies of requests, which clients sent to origins.")
        case .errors:
            Row(
                "fetch_service_errors_total", .counter,
                "Answers of our own that say what was wrong, by the error of their Proxy-Status (RFC 9209).",
                by: Self.cause)
        case .fillsOpen: Row("fetch_service_fills_open", .gauge, "Downloads from origins that are under way.")
        case .fills:
            Row(
                "fetch_service_fills_total", .counter, "Downloads from origins that have ended, by how.",
                by: Label(name: "result", values: ["complete", "not-modified", "failed"]))
        case .fillsResumed:
            Row(
                "fetch_service_fills_resumed_total", .counter,
                "Times that a download went on after its connection broke.")
        case .originsOpened:
            Row("fetch_service_origin_connections_opened_total", .counter, "Connections to origins that were made.")
        case .originsReused:
            Row(
                "fetch_service_origin_connections_reused_total", .counter,
                "Requests for which an unused connection to the origin was there.")
        case .originsFailed:
            Row(
                "fetch_service_origin_connections_failed_total", .counter,
                "Attempts to connect to an origin that came to nothing, whether refused by a rule or failed.")
        case .origins:
            Row(
                "fetch_service_origin_connections", .gauge, "Connections to origins.",
                by: Label(name: "state", values: ["active", "idle"]))
        case .connectionsAccepted:
            Row("fetch_service_connections_accepted_total", .counter, "Connections of clients that were accepted.")
        case .connections: Row("fetch_service_connections_open", .gauge, "Connections of clients.")
        case .unauthenticated:
            Row(
                "fetch_service_connections_unauthenticated", .gauge,
                "Connections of clients that have not said whose they are.")
        case .challenges:
            Row(
                "fetch_service_challenges_total", .counter,
                "Answers 407, to requests without the credentials of a live session.")
        case .tunnels: Row("fetch_service_tunnels_total", .counter, "Tunnels (CONNECT) that were opened.")
        case .acceptFailures:
            Row(
                "fetch_service_accept_failures_total", .counter,
                "Times that no connection could be accepted, mostly for want of descriptors.")
        case .handshakes:
            Row(
                "fetch_service_tls_handshakes_total", .counter, "TLS handshakes, by who is at the other end.",
                by: Label(name: "side", values: ["client", "origin"]),
                Label(name: "result", values: ["full", "resumed", "failed"]))
        case .sessionsOpened:
            Row("fetch_service_sessions_opened_total", .counter, "Sessions that this process has opened.")
        case .sessions: Row("fetch_service_sessions", .gauge, "Sessions that live.", by: Self.policy)
        case .recordRows:
            Row(
                "fetch_service_record_rows_total", .counter,
                "Exchanges that were recorded: by the loop that had them (journal), or by the recorder (commit).",
                by: Self.way)
        case .recordCommits:
            Row(
                "fetch_service_record_commits_total", .counter, "Groups of changes that were recorded together.",
                by: Self.way)
        case .recordFailures:
            Row("fetch_service_record_failures_total", .counter, "Commits of the recorder that failed.")
        case .recordCommitDuration:
            Row(
                "fetch_service_record_commit_seconds", .histogram, unit: "seconds",
                "How long the commits of the recorder took.")
        case .recordWaiting:
            Row(
                "fetch_service_record_waiting_seconds", .gauge, unit: "seconds",
                "How long the oldest change that is not recorded has been waiting; 0 when none waits.")
        case .journalRows:
            Row("fetch_service_journal_rows", .gauge, "Exchanges in the journal that the database does not have yet.")
        case .journalBytes:
            Row("fetch_service_journal_bytes", .gauge, unit: "bytes", "Bytes of the journal that are in use.")
        case .journalTaken:
            Row(
                "fetch_service_journal_taken_rows_total", .counter,
                "Exchanges that the database has taken in from the journal.")
        case .journalFailures:
            Row(
                "fetch_service_journal_failures_total", .counter,
                "Times that the database could not take in the journal.")
        case .journalDuration:
            Row(
                "fetch_service_journal_take_in_seconds", .histogram, unit: "seconds",
                "How long the database took to take in what waited in the journal.")
        case .cacheBytes:
            Row("fetch_service_cache_bytes", .gauge, unit: "bytes", "Bytes that stored bodies take on the disk.")
        case .cacheLimit:
            Row(
                "fetch_service_cache_limit_bytes", .gauge, unit: "bytes",
                "Bytes on the disk at which stored bodies make room (--cache-size).")
        case .cacheContentBytes:
            Row(
                "fetch_service_cache_content_bytes", .gauge, unit: "bytes",
                "Bytes of the stored bodies before compression.")
        case .cacheBlobs: Row("fetch_service_cache_blobs", .gauge, "Stored bodies.")
        case .cacheResponses: Row("fetch_service_cache_responses", .gauge, "Stored answers that can be used again.")
        case .cacheMemory:
            Row(
                "fetch_service_cache_memory_bytes", .gauge, unit: "bytes", "Memory that the cache has taken.",
                by: Label(name: "of", values: ["heads", "bodies"]))
        case .diskFree:
            Row(
                "fetch_service_disk_free_bytes", .gauge, unit: "bytes",
                "Bytes that stored bodies may still take before the disk is kept for the record.")
        case .evictedBlobs: Row("fetch_service_evicted_blobs_total", .counter, "Stored bodies that had to make room.")
        case .evictedBytes:
            Row(
                "fetch_service_evicted_bytes_total", .counter, unit: "bytes",
                "Bytes on the disk of the bodies that had to make room.")
        case .comparedBlobs:
            Row(
                "fetch_service_compared_blobs_total", .counter,
                "Stored bodies that were compared with their digests in the background, by what they were.",
                by: Label(name: "result", values: ["right", "damaged", "missing", "unreadable"]))
        case .damagedBodies:
            Row(
                "fetch_service_damaged_bodies_total", .counter,
                "Stored bodies that were found to be damaged when they were asked for; they are fetched again.")
        case .queueWaiting: Row("fetch_service_queue_waiting", .gauge, "What waits in a queue.", by: Self.queue)
        case .queueRunning:
            Row(
                "fetch_service_queue_running", .gauge, "What was taken out of a queue and is being done.",
                by: Self.queue)
        case .queueCapacity:
            Row(
                "fetch_service_queue_capacity", .gauge,
                "How much may wait in a queue, where the queue itself has a bound.", by: Self.queue)
        case .queueRefused:
            Row(
                "fetch_service_queue_refused_total", .counter, "What a queue refused because it was full.",
                by: Self.queue)
        case .ready:
            Row("fetch_service_ready", .gauge, "1 when /readyz says that the service is ready, else 0.")
        case .processTime:
            Row(
                "process_cpu_seconds_total", .counter, unit: "seconds",
                "Time of processors that the process has used, by itself and by the kernel for it.")
        case .residentMemory:
            Row("process_resident_memory_bytes", .gauge, unit: "bytes", "Memory of the process that is really there.")
        case .virtualMemory:
            Row("process_virtual_memory_bytes", .gauge, unit: "bytes", "Address space of the process.")
        case .openDescriptors: Row("process_open_fds", .gauge, "Descriptors that are open.")
        case .mostDescriptors: Row("process_max_fds", .gauge, "Descriptors that may be open.")
        case .startTime:
            Row(
                "process_start_time_seconds", .gauge, unit: "seconds",
                "When the service started, in seconds since 1970-01-01T00:00:00Z.")
        case .build:
            Row(
                "fetch_service_build_info", .gauge, "Always 1; its label is the version.",
                by: Label(name: "version", values: []))
        }
    }
}
