/// Looks for bytes that break `WireProperty.url`.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt { run(.url, bytes, count) }
