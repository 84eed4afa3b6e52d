import Storage

extension StoreError {
    /// What clients may read: their builds must not learn paths and other details of this machine, which the log has.
    var inPublic: String {
        switch kind {
        case .full: "no space left in the service"
        case .corrupt: "what is stored is damaged; the service's log says more"
        case .unavailable: "the storage cannot be used now; the service's log says more"
        case .rejected: "the storage refused it; the service's log says more"
        }
    }
}
