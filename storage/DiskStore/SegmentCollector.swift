import Platform

/// Finds what is dead in a segment and gives its room back to the file system.
struct SegmentCollector {
    struct Findings {
        /// Neighbouring dead records, whose room has not been given back as one yet.
        var runs: [Run] = []
        /// Whether nothing in the segment lives, as far as can be known.
        var isAllDead = true
    }

    struct Run: Equatable {
        var offset: Int64
        var length: Int64
        var first: SegmentRecord
        var records: Int
        var isGivenBack: Bool { records == 1 && first.state == .givenBack }
    }

    let files: FileCalls
    let file: SharedDescriptor
    /// Where the records end.
    let end: Int64

    func look() throws(SystemError) -> Findings {
        var findings = Findings()
        var run: Run?
        func close() {
            if let run, !run.isGivenBack { findings.runs.append(run) }
            run = nil
        }
        let isWhole = try SegmentScan(files: files, file: file, end: end).forEach { offset, record in
            if !record.isDead {
                findings.isAllDead = false
                close()
            } else if run == nil {
                run = Run(offset: offset, length: Int64(record.length), first: record, records: 1)
            } else {
                run?.length += Int64(record.length)
                run?.records += 1
            }
        }
        close()
        if !isWhole { findings.isAllDead = false }
        return findings
    }

    /// Makes one dead record of each run and punches a hole where its bytes were.
    ///
    /// In this order, each step leaving a segment that can be walked: the first header spans the run; its bytes are given
    /// back; the header says so.
    func giveBack(_ findings: Findings) throws(SystemError) {
        for run in findings.runs {
            var record = run.first
            record.state = .dead
            record.storedSize = Int(run.length) - SegmentRecord.headerSize
            if run.records > 1 { try files.write(file, record.header, at: run.offset) }
            let start = run.offset + Int64(SegmentRecord.headerSize)
            if record.storedSize > 0 { try files.punch(file, offset: start, length: Int64(record.storedSize)) }
            try files.write(file, [SegmentRecord.State.givenBack.rawValue], at: run.offset + SegmentRecord.stateOffset)
        }
    }
}
