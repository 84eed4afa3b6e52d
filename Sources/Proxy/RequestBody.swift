import Wire

/// Takes the body of a request out of the bytes that come, by its framing.
struct RequestBody {
    private let framing: BodyFraming
    private var left: Int64
    private var decoder = ChunkedDecoder()
    /// Data of a chunk that is at the front of the input and was not taken yet.
    private var pendingData = 0
    private(set) var trailers = Fields()
    private(set) var isComplete: Bool

    init(framing: BodyFraming) {
        self.framing = framing
        switch framing {
        case .length(let length): left = length
        case .none, .chunked, .untilClose: left = 0
        }
        isComplete = framing == .none || framing == .length(0)
    }

    /// Offers data to `take` until the input is used up, the body is over, or `take` takes less than it was offered.
    ///
    /// - Throws: 400 for chunks that are none.
    mutating func advance(
        _ input: inout [UInt8], _ start: inout Int, take: (UnsafeRawBufferPointer) -> Int
    ) throws(MessageError) {
        while !isComplete, start < input.count || pendingData > 0 {
            switch framing {
            case .none, .untilClose: return
            case .length:
                let offered = Int(min(left, Int64(input.count - start)))
                let taken = input.withUnsafeBytes {
                    take(UnsafeRawBufferPointer(rebasing: $0[start..<start + offered]))
                }
                start += taken
                left -= Int64(taken)
                if left == 0 { isComplete = true }
                if taken < offered { return }
            case .chunked:
                if pendingData > 0 {
                    let offered = pendingData
                    let taken = input.withUnsafeBytes {
                        take(UnsafeRawBufferPointer(rebasing: $0[start..<start + offered]))
                    }
                    start += taken
                    pendingData -= taken
                    if taken < offered { return }
                    continue
                }
                var offset = start
                switch try decoder.next(input.span, from: &offset) {
                case .needMore: start = offset
                case .data(let range):
                    start = range.lowerBound
                    pendingData = range.count
                case .end(let fields):
                    start = offset
                    trailers = fields
                    isComplete = true
                }
            }
        }
    }
}
