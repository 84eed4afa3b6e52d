internal import Storage
internal import Platform

/// Moves a database that cannot be used out of the way, keeping the last few for whoever wants to know why.
enum SetAside {
    /// How many are kept.
    static let most = 3

    /// Renames `path` to `path.corrupt-<n>`, its log along with it, and removes the oldest ones beyond ``most``.
    ///
    /// - Returns: The new path.
    static func move(_ path: String) throws(StoreError) -> String {
        do throws(SystemError) {
            let cut = path.lastIndex(of: "/")
            let folder = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            let prefix = (cut.map { String(path[path.index(after: $0)...]) } ?? path) + ".corrupt-"
            var numbers = try Kernel.names(inFolder: folder).compactMap { name in
                name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count)) : nil
            }
            numbers.sort()
            let number = (numbers.last ?? 0) + 1
            let target = "\(path).corrupt-\(number)"
            try Kernel.unlinkIfPresent(path + "-shm")
            // The log first: a database without its log would be opened as if it were whole.
            if try Kernel.stat(path + "-wal") != nil { try Kernel.rename(path + "-wal", to: target + "-wal") }
            try Kernel.rename(path, to: target)
            for old in numbers.dropLast(most - 1) {
                try Kernel.unlinkIfPresent("\(path).corrupt-\(old)")
                try Kernel.unlinkIfPresent("\(path).corrupt-\(old)-wal")
            }
            return target
        } catch {
            throw StoreError(.unavailable, "set \(path) aside", error.description)
        }
    }
}
