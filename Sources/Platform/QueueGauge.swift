/// How a queue stands at one moment.
package struct QueueGauge: Sendable, Equatable {
    /// What it is called among the service's queues.
    package var name: String
    /// What waits in it.
    package var waiting: Int
    /// What was taken out of it and is being done.
    package var running: Int
    /// How much may wait; `nil` where those who hand something over bound it.
    package var capacity: Int?
    /// What was refused since the start because it was full.
    package var refused: Int

    package init(name: String, waiting: Int, running: Int = 0, capacity: Int? = nil, refused: Int = 0) {
        self.name = name
        self.waiting = waiting
        self.running = running
        self.capacity = capacity
        self.refused = refused
    }
}
