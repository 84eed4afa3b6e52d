/// Keeps text out of the pages of a B-tree, so that deleting it leaves nothing.
///
/// `PRAGMA secure_delete` overwrites what is deleted, but when SQLite rebuilds a leaf page (btree.c, `rebuildPage`) it
/// leaves copies of cells in the unallocated gap, where later deletions do not find them. Overflow pages have no such
/// gap: each belongs to one row and is zeroed when it is freed. So a row with text from outside is laid out as
///
///     numbers and digests | zeros (`front` bytes) | text | zeros (`tail` bytes)
///
/// with `front` as large as the part of a row that SQLite keeps in the leaf at least, and `tail` such that it keeps no
/// more than that. In the terms of the file format (sqlite.org/fileformat2.html, section 1.6), with U the page size and
/// P the row's size: M = (U-12)*32/255-23, K = M + (P-M) mod (U-4); the leaf keeps M bytes when K > U-35, else K.
struct OverflowPadding: Sendable {
    /// Zeros before the text.
    let front: Int
    /// Bytes of a row on each overflow page.
    private let period: Int
    /// (P-M) mod `period` must be above this.
    private let lowest: Int

    /// Makes the layout for a page size.
    init(pageSize: Int) {
        front = (pageSize - 12) * 32 / 255 - 23
        period = pageSize - 4
        lowest = pageSize - 35 - front
    }

    /// How many zeros follow the text.
    ///
    /// The window that the size must hit is at least 262 bytes wide, so an estimate of the rest will do.
    ///
    /// - Parameters:
    ///   - text: Bytes of all text columns.
    ///   - rest: Bytes of the record header and of the numbers and digests, ± 60.
    /// - Returns: 0 when the size is in the window as it is.
    func tail(text: Int, rest: Int) -> Int {
        let middle = (lowest + period) / 2
        let slack = (period - lowest) / 2 - 61
        let position = (text + rest) % period
        if abs(position - middle) <= slack { return 0 }
        return (middle - position + period) % period
    }
}
