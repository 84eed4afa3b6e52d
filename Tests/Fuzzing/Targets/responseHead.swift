/// Looks for bytes that break `WireProperty.responseHead`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.responseHead, bytes, count) }
