import Storage

extension SessionRow {
    /// The row with the gaps that the record has learned of since the session was opened or restored.
    ///
    /// - Parameter records: Where it is recorded.
    /// - Returns: The row, otherwise unchanged.
    /// - Throws: ``StoreError`` when the record cannot be read.
    func withGaps(in records: any Records) throws(StoreError) -> SessionRow {
        var row = self
        if let recorded = try records.session(id) { row.incompleteReason = recorded.incompleteReason }
        return row
    }
}
