import Glibc
import RelayTesting

extension BlockingConnection {
    /// Everything that comes before nothing came for so long.
    func readWhatIsThere(before silence: Duration = .milliseconds(400)) -> [UInt8] {
        let usual = patience
        patience = silence
        defer { patience = usual }
        var all: [UInt8] = []
        while let piece = try? readSome(), !piece.isEmpty { all += piece }
        return all
    }

    /// Reads until `isEnough` says so of everything read; also of a connection that is less patient, for 20 s.
    func readUntil(_ isEnough: ([UInt8]) -> Bool) throws -> [UInt8] {
        var all: [UInt8] = []
        let deadline = Deadline()
        while !isEnough(all) {
            let piece: [UInt8]
            do {
                piece = try readSome()
            } catch let fault as ConnectionFault where fault.kind == .timeout {
                try deadline.check()
                continue
            }
            if piece.isEmpty { break }
            all += piece
        }
        return all
    }
}
