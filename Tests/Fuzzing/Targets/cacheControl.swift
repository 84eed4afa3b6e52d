/// Looks for bytes that break `WireProperty.cacheControl`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.cacheControl, bytes, count) }
