import Glibc
import Platform
import Testing

@testable import fetch_service

@Suite(.timeLimit(.minutes(1))) struct LogStreamTests {
    private func pipe() -> (reader: CInt, writer: CInt) {
        var ends: [CInt] = [0, 0]
        #expect(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func read(_ descriptor: CInt, _ count: Int = 1 << 20) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = Glibc.read(descriptor, &bytes, count)
        return String(decoding: bytes.prefix(max(0, read)), as: UTF8.self)
    }

    private static func notice(_ lost: Int) -> String { "(\(lost) are lost)\n" }

    @Test func linesArriveAsTheyAre() {
        let (reader, writer) = pipe()
        defer { for end in [reader, writer] { close(end) } }
        let stream = LogStream(writer)
        stream.write("one\n", notice: Self.notice)
        stream.write(String(repeating: "x", count: 10_000) + "\n", notice: Self.notice)
        #expect(read(reader) == "one\n" + String(repeating: "x", count: 10_000) + "\n")
    }

    @Test func aPipeThatNobodyReadsStopsNobodyAndTellsWhatWasLost() {
        let (reader, writer) = pipe()
        defer { for end in [reader, writer] { close(end) } }
        let stream = LogStream(writer)
        let line = String(repeating: "y", count: 999) + "\n"
        for _ in 0..<200 { stream.write(line, notice: Self.notice) }
        let held = read(reader)
        let lines = held.split(separator: "\n")
        #expect(lines.count < 200 && lines.dropLast().allSatisfy { $0.count == 999 })
        stream.write("after\n", notice: Self.notice)
        let rest = read(reader)
        #expect(rest.hasSuffix("after\n"))
        #expect(rest.contains("(\(200 - held.count / 1000) are lost)\nafter"))
        stream.write("more\n", notice: Self.notice)
        #expect(read(reader) == "more\n")
    }

    @Test func aReaderThatHasGoneIsNoMatter() {
        signal(SIGPIPE, SIG_IGN)
        let (reader, writer) = pipe()
        defer { close(writer) }
        close(reader)
        let stream = LogStream(writer)
        var losses: [Int] = []
        for _ in 0..<3 {
            stream.write("one\n") { lost in
                losses.append(lost)
                return Self.notice(lost)
            }
        }
        #expect(losses == [1, 2], "every line counts as lost")
    }
}
