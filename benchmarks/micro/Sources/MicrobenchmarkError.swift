/// What keeps a measurement from being made.
struct MicrobenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
