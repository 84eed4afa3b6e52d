import Glibc
import RelayTesting

extension BlockingConnection {
    /// Everything that comes before nothing came for as long as this connection is patient.
    func readWhatIsThere() -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try? readSome(), !piece.isEmpty { all += piece }
        return all
    }

    /// Reads until `isEnough` says so of everything read.
    func readUntil(_ isEnough: ([UInt8]) -> Bool) throws -> [UInt8] {
        var all: [UInt8] = []
        while !isEnough(all) {
            let piece = try readSome()
            if piece.isEmpty { break }
            all += piece
        }
        return all
    }
}
