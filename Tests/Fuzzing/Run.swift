/// Checks one input of libFuzzer; a violation ends the process, so that the input is kept.
///
/// The pointer is valid during the call and holds `count` bytes, as libFuzzer promises.
func run(_ property: WireProperty, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    if let violation = property.violation(input) { fatalError("\(property.rawValue): \(violation)") }
    return 0
}
