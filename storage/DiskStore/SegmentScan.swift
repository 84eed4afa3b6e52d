import Platform

/// Goes through the records of a segment from its beginning, reading little more than the headers.
struct SegmentScan {
    private static let windowSize = 64 << 10

    let files: FileCalls
    let file: SharedDescriptor
    /// Where the records end, at the latest.
    let end: Int64

    /// Visits every record, live or dead.
    ///
    /// - Returns: Whether the end was reached. A rest shorter than the largest record is the trace of an interrupted write
    ///   and counts as reached; behind a longer one there may be live records that cannot be found any more.
    func forEach(_ body: (_ offset: Int64, _ record: SegmentRecord) -> Void) throws(SystemError) -> Bool {
        var window: [UInt8] = []
        var windowStart: Int64 = 0
        var offset: Int64 = 0
        while offset < end {
            if offset < windowStart || offset + Int64(SegmentRecord.headerSize) > windowStart + Int64(window.count) {
                window = try files.read(file, count: Self.windowSize, at: offset)
                windowStart = offset
            }
            let start = Int(offset - windowStart)
            let record = window.withUnsafeBytes { SegmentRecord($0.part(start..<$0.count)) }
            guard let record, offset + Int64(record.length) <= end else {
                return end - offset <= Int64(SegmentRecord.possibleLengths.upperBound)
            }
            body(offset, record)
            offset += Int64(record.length)
        }
        return true
    }
}
