/// How the credentials of a secret get into a request; the raw value is its name on the outside.
public enum SecretType: String, Hashable, Sendable, CaseIterable {
    /// `Authorization: Basic` with user and password.
    case basicAuth = "basic-auth"
    /// `Authorization: macaroon` with a value that is encoded already.
    case macaroon
    /// User and password in the JSON body of a request to a Keystone identity service, version 3.
    case keystoneV3 = "keystone-v3"
}
