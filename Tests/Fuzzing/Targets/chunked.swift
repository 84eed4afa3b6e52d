/// Looks for bytes that break `WireProperty.chunked`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.chunked, bytes, count) }
