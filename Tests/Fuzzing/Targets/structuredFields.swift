/// Looks for bytes that break `WireProperty.structuredFields`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.structuredFields, bytes, count) }
