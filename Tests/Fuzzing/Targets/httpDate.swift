/// Looks for bytes that break `WireProperty.httpDate`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.httpDate, bytes, count) }
