import Core
import Glibc
import Platform

/// The files that COMMAND's environment points to, written into the session's folder.
struct SessionFiles: Sendable, Equatable {
    /// The system's roots and our CA, in PEM: for programs that replace their roots by it.
    var bundle: String
    /// Our CA, after what `NODE_EXTRA_CA_CERTS` names: for programs that add it to their roots.
    var extra: String
    /// The same as `bundle` for Java.
    var javaTrustStore: String
    /// Options for Java that hold the token.
    var javaOptions: String
    /// Maven's global configuration; `nil` leaves Maven its own.
    var mavenFolder: String?
    var aptConfiguration: String
    var wgetConfiguration: String

    /// The places of the files in a folder.
    init(in folder: SessionFolder) {
        bundle = folder.file("ca-bundle.pem")
        extra = folder.file("extra-ca.pem")
        javaTrustStore = folder.file("truststore.jks")
        javaOptions = folder.file("java-options")
        aptConfiguration = folder.file("apt.conf")
        wgetConfiguration = folder.file("wgetrc")
    }

    /// Writes all files.
    ///
    /// - Throws: ``ServiceError`` when there is no certificate at `service.authorityPath`; ``SystemError``.
    static func write(
        to folder: SessionFolder, service: Service, access: SessionAccess, environment: ProcessEnvironment
    ) throws -> SessionFiles {
        var files = SessionFiles(in: folder)
        let authority = try self.authority(at: service.authorityPath)
        let bundle = CertificateBundle.roots(environment: environment) + authority
        let extra =
            environment["NODE_EXTRA_CA_CERTS"].flatMap { try? Kernel.contents(of: $0) }
            .map { CertificateBundle(pem: $0) } ?? CertificateBundle(pem: [])
        try folder.write("ca-bundle.pem", bundle.pem, secret: false)
        try folder.write("extra-ca.pem", (extra + authority).pem, secret: false)
        let store = JavaTrustStore.bytes(certificates: bundle.certificates)
        try folder.write("truststore.jks", store, secret: false)
        try folder.write("java-options", Array(JavaOptions.secrets(access).utf8), secret: true)
        files.mavenFolder = try MavenSettings.write(
            to: folder, access, installation: MavenSettings.installation(environment: environment))
        let apt = AptConfiguration.text(
            proxyURL: access.proxyURL, bundle: files.bundle, existing: environment["APT_CONFIG"])
        try folder.write("apt.conf", Array(apt.utf8), secret: true)
        let existing = WgetConfiguration.existing(environment: environment)
        let wget = WgetConfiguration.bytes(access, bundle: files.bundle, existing: existing)
        try folder.write("wgetrc", wget, secret: true)
        return files
    }

    private static func authority(at path: String) throws(ServiceError) -> CertificateBundle {
        guard !path.isEmpty else {
            throw ServiceError("name the service's CA certificate with --ca FILE or FETCH_SERVICE_CA")
        }
        do {
            let bundle = CertificateBundle(pem: try Kernel.contents(of: path))
            guard !bundle.blocks.isEmpty else { throw ServiceError("no certificate in \(Shown.text(path))") }
            return bundle
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("cannot read the service's CA certificate: \(Shown.text("\(error)"))")
        }
    }
}
