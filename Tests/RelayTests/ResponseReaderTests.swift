import Testing
import Wire

@testable import Relay

@Suite struct ResponseReaderTests {
    private struct Outcome: Equatable {
        var interim: [Int] = []
        var status: Int?
        var body: [UInt8] = []
        var trailers = Fields()
        var leftover: Int?
        var mayReuse = false
        var failure: OriginError.Kind?
    }

    /// Feeds `pieces`, then the end of the connection.
    private func read(_ pieces: [ArraySlice<UInt8>], method: String = "GET", fault: String? = nil) -> Outcome {
        var reader = ResponseReader(method: method, settings: RelaySettings())
        var outcome = Outcome()
        var fed = 0
        let total = pieces.reduce(0) { $0 + $1.count }
        func take(_ event: ResponseReader.Event, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Bool {
            switch event {
            case .needMore: return false
            case .interim(let head): outcome.interim.append(head.status)
            case .head(let head, _): outcome.status = head.status
            case .body(let range): outcome.body += bytes[range]
            case .end(let trailers):
                outcome.trailers = trailers
                outcome.leftover = total - fed - offset
                outcome.mayReuse = reader.allowsReuse
                return false
            }
            return true
        }
        do throws(OriginError) {
            for piece in pieces {
                let copy = Array(piece)
                var offset = 0
                var goesOn = true
                while goesOn {
                    let event = copy.withUnsafeBytes { bytes in
                        Result { () throws(OriginError) in try reader.next(bytes, from: &offset) }
                    }
                    let found = try event.get()
                    goesOn = copy.withUnsafeBytes { take(found, $0, offset) }
                }
                if outcome.leftover != nil { return outcome }
                fed += piece.count
            }
            _ = take(try reader.inputEnded(fault: fault), UnsafeRawBufferPointer(start: nil, count: 0), 0)
        } catch {
            outcome.failure = error.kind
        }
        return outcome
    }

    private static let answers: [(text: String, method: String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello", "GET"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
            "GET"
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "GET"
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "GET"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "GET"), ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HEAD"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nokextra", "GET"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "GET"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "GET"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "GET"),
    ]

    @Test(arguments: answers.indices)
    func `an answer split at every byte reads as one`(_ index: Int) {
        let (text, method) = Self.answers[index]
        let bytes = Array(text.utf8)
        let whole = read([bytes[...]], method: method)
        for split in 1..<bytes.count {
            var parts = read([bytes[..<split], bytes[split...]], method: method)
            // What came after the end may not have been looked at yet.
            if let leftover = whole.leftover, leftover > 0, parts.leftover != nil { parts.leftover = leftover }
            #expect(parts == whole, "split at \(split)")
        }
        var single = read(bytes.indices.map { bytes[$0...$0] }, method: method)
        if let leftover = whole.leftover, leftover > 0, single.leftover != nil { single.leftover = leftover }
        #expect(single == whole)
    }

    @Test func `answers are understood`() {
        func whole(_ index: Int) -> Outcome {
            read([Array(Self.answers[index].text.utf8)[...]], method: Self.answers[index].method)
        }
        #expect(whole(0) == Outcome(status: 200, body: Array("hello".utf8), leftover: 0, mayReuse: true))
        #expect(whole(1).body == Array("hello0123456789".utf8) && whole(1).trailers.first("x-t") == "1")
        #expect(whole(1).mayReuse && whole(1).leftover == 0)
        #expect(whole(2).interim == [100, 103] && whole(2).body == Array("ok".utf8) && !whole(2).mayReuse)
        #expect(whole(3).body == Array("until the end".utf8) && !whole(3).mayReuse && whole(3).failure == nil)
        #expect(whole(4).leftover == 0 && whole(4).mayReuse)
        #expect(whole(5).leftover == 0 && whole(5).body.isEmpty && whole(5).mayReuse)
        #expect(whole(6).leftover == 0 && whole(6).body.isEmpty && whole(6).mayReuse)
        #expect(whole(7).leftover == 5 && !whole(7).mayReuse)
        #expect(whole(8).failure == .malformed && whole(9).failure == .malformed && whole(10).failure == .malformed)
    }

    @Test(arguments: [0, 1, 2])
    func `an end at every byte within an answer is no end of it`(_ index: Int) {
        let bytes = Array(Self.answers[index].text.utf8)
        for end in 0..<bytes.count {
            #expect(read([bytes[..<end]]).failure == .closedEarly, "after \(end) bytes")
        }
    }

    @Test func `a fault never ends a body that goes on until the end`() {
        #expect(read([Array("HTTP/1.1 200 OK\r\n\r\npart".utf8)[...]], fault: "reset").failure == .closedEarly)
    }
}
