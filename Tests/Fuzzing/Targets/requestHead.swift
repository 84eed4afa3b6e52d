/// Looks for bytes that break `WireProperty.requestHead`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.requestHead, bytes, count) }
