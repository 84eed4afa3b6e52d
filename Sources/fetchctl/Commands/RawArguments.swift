/// The command line as the kernel gave it, which need not be UTF-8.
enum RawArguments {
    /// The bytes of the last arguments of this process.
    ///
    /// - Parameter words: How they read as text.
    /// - Returns: The bytes; where `words` is not the end of the command line, as in a test, those of that text.
    static func last(_ words: [String]) -> [[UInt8]] {
        let count = Int(CommandLine.argc)
        let all = CommandLine.unsafeArgv
        guard words.count <= count else { return words.map { Array($0.utf8) } }
        let raw = (count - words.count..<count).map { index -> [UInt8] in
            guard let argument = all[index] else { return [] }
            return Array(UnsafeBufferPointer(start: argument, count: length(of: argument))).map {
                UInt8(bitPattern: $0)
            }
        }
        return raw.map { String(decoding: $0, as: UTF8.self) } == words ? raw : words.map { Array($0.utf8) }
    }

    private static func length(of text: UnsafeMutablePointer<CChar>) -> Int {
        var count = 0
        while text[count] != 0 { count += 1 }
        return count
    }
}
