// Measures what single operations allocate and take; started by benchmarks/micro/run, which gives it a folder.

import Glibc

/// Writes a line to standard error.
func note(_ text: String) {
    _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

do {
    guard let counter = AllocationCounter(), CommandLine.arguments.count == 2 else {
        throw MicrobenchmarkError("start this through benchmarks/micro/run")
    }
    let folder = CommandLine.arguments[1]
    var checksum = 0
    var measurements = try WireMeasurements.all()
    measurements += StorageMeasurements.digests()
    measurements += try StorageMeasurements.compression(folder: folder)
    measurements.append(try StorageMeasurements.catalog(folder: folder))
    for measurement in measurements {
        let cost = try Cost.of(measurement, counter: counter, checksum: &checksum)
        print("\(cost.allocations)\t\(cost.bytes)\t\(cost.nanoseconds)\t\(measurement.name)")
    }
    // Keeps the compiler from leaving out work whose result nobody sees.
    note("checksum \(checksum)")
} catch {
    note("microbenchmarks: \(error)")
    exit(1)
}
