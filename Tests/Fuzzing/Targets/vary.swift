/// Looks for bytes that break `WireProperty.vary`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.vary, bytes, count) }
