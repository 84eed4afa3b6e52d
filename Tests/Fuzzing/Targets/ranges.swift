/// Looks for bytes that break `WireProperty.ranges`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.ranges, bytes, count) }
