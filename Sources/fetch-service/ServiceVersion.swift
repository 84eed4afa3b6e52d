/// The version of the service.
enum ServiceVersion {
    static let text = "0.1.0"
}
