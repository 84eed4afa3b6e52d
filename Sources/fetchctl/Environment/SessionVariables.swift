/// The variables that make programs use the proxy and trust its certificates: one table, and its effect.
enum SessionVariables {
    /// What a variable gets.
    enum Content: Sendable {
        /// The proxy's URL with id and token.
        case proxyURL
        /// The same, but only where the variable is set: unset, the program reads `http_proxy`.
        case proxyURLIfSet
        /// The hosts that are reached directly; unset when there are none.
        case bypass
        /// The PEM file that replaces the program's roots.
        case bundle
        /// The PEM file that is added to the program's roots.
        case extra
        /// The apt configuration.
        case apt
        /// The wget configuration.
        case wget
        /// Options for every JVM, after those that are set.
        case java
        /// The text, unless the variable is set.
        case unlessSet(String)
        /// Nothing: the variable is removed, as it would win over ours or is not COMMAND's business.
        case removed
    }

    /// Which variables are set, and which program reads them.
    static let table: [(names: [String], readBy: String, content: Content)] = [
        (["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], "nearly everything", .proxyURL),
        // So that other protocols are refused by the proxy instead of going unrecorded past it.
        (["all_proxy", "ALL_PROXY"], "curl and others, for all protocols", .proxyURL),
        (["no_proxy", "NO_PROXY"], "nearly everything", .bypass),
        (["SSL_CERT_FILE"], "OpenSSL, Go, Rust, Ruby, uv", .bundle),
        (["CURL_CA_BUNDLE"], "curl", .bundle),
        (["REQUESTS_CA_BUNDLE"], "Python requests", .bundle),
        (["PIP_CERT"], "pip", .bundle),
        (["PIP_PROXY"], "pip", .proxyURLIfSet),
        (["HTTPLIB2_CA_CERTS"], "Python httplib2", .bundle),
        (["GIT_SSL_CAINFO"], "git", .bundle),
        (["CARGO_HTTP_CAINFO"], "cargo", .bundle),
        (["CARGO_HTTP_PROXY"], "cargo", .proxyURL),
        (["npm_config_cafile"], "npm", .bundle),
        (["npm_config_proxy", "npm_config_https_proxy"], "npm, pnpm, Yarn 1", .proxyURL),
        (["npm_config_noproxy"], "npm", .bypass),
        (
            ["NPM_CONFIG_CAFILE", "NPM_CONFIG_PROXY", "NPM_CONFIG_HTTPS_PROXY", "NPM_CONFIG_NOPROXY"],
            "npm, which takes either case", .removed
        ),
        (["YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"], "Yarn 2 and later", .proxyURL),
        (["NODE_EXTRA_CA_CERTS"], "Node.js", .extra),
        (["NODE_USE_ENV_PROXY"], "Node.js 22.21 and later, to read http_proxy", .unlessSet("1")),
        (["DENO_CERT"], "Deno", .extra),
        (["AWS_CA_BUNDLE"], "AWS tools", .bundle),
        (["BUNDLE_SSL_CA_CERT"], "Bundler", .bundle),
        (["PERL_LWP_SSL_CA_FILE"], "Perl LWP", .bundle),
        (["HEX_CACERTS_PATH"], "Elixir Hex", .bundle),
        (["NIX_SSL_CERT_FILE"], "Nix", .bundle),
        (["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"], "gRPC", .bundle),
        (["APT_CONFIG"], "apt", .apt),
        (["WGETRC"], "wget, whose GnuTLS reads no variable", .wget),
        (["JAVA_TOOL_OPTIONS"], "every JVM", .java),
    ]

    /// The service's variables, which COMMAND must not see.
    static let ownNames = ["FETCH_SERVICE_AUTH", "FETCH_SERVICE_URL", "FETCH_SERVICE_PROXY", "FETCH_SERVICE_CA"]

    /// The changes that put a program into a session.
    ///
    /// - Parameters:
    ///   - access: The proxy and the session.
    ///   - files: Where the files are.
    ///   - inherited: What the program would get otherwise.
    ///   - hidingService: Also remove the service's own variables.
    /// - Returns: What to set and to remove.
    static func changes(
        _ access: SessionAccess, files: SessionFiles, inherited: ProcessEnvironment, hidingService: Bool
    ) -> [EnvironmentChange] {
        var changes: [EnvironmentChange] = []
        for row in table {
            for name in row.names {
                let existing = inherited[name]
                switch row.content {
                case .proxyURL: changes.append(EnvironmentChange(name, access.proxyURL))
                case .proxyURLIfSet:
                    if existing != nil { changes.append(EnvironmentChange(name, access.proxyURL)) }
                case .bypass:
                    if !access.bypass.isEmpty {
                        changes.append(EnvironmentChange(name, access.bypass))
                    } else if existing != nil {
                        changes.append(EnvironmentChange(name, nil))
                    }
                case .bundle: changes.append(EnvironmentChange(name, files.bundle))
                case .extra: changes.append(EnvironmentChange(name, files.extra))
                case .apt: changes.append(EnvironmentChange(name, files.aptConfiguration))
                case .wget: changes.append(EnvironmentChange(name, files.wgetConfiguration))
                case .java:
                    let options = JavaOptions.text(access, files: files)
                    let before = existing.map { $0.isEmpty ? "" : $0 + " " } ?? ""
                    changes.append(EnvironmentChange(name, before + options))
                case .unlessSet(let text):
                    if existing == nil { changes.append(EnvironmentChange(name, text)) }
                case .removed:
                    if existing != nil { changes.append(EnvironmentChange(name, nil)) }
                }
            }
        }
        changes += gitChanges(access, inherited: inherited)
        if hidingService {
            changes += ownNames.filter { inherited[$0] != nil }.map { EnvironmentChange($0, nil) }
        }
        return changes
    }

    /// `http.proxy` for git, which otherwise prefers that of the user's configuration to `http_proxy`.
    ///
    /// Appended to the settings that `GIT_CONFIG_COUNT` announces already (git-config(1)).
    private static func gitChanges(_ access: SessionAccess, inherited: ProcessEnvironment) -> [EnvironmentChange] {
        let count = inherited["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
        guard (0..<10_000).contains(count) else { return [] }
        return [
            EnvironmentChange("GIT_CONFIG_COUNT", String(count + 1)),
            EnvironmentChange("GIT_CONFIG_KEY_\(count)", "http.proxy"),
            EnvironmentChange("GIT_CONFIG_VALUE_\(count)", access.proxyURL),
        ]
    }
}
