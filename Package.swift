// swift-tools-version: 6.3
import PackageDescription

/// What every target of ours is compiled with.
let base: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// For targets of values and rules.
///
/// The targets that talk to the kernel or to C libraries (Platform, Cryptography, Relay, Proxy,
/// DiskStore, Inspection) go without: there `unsafe` marks would outnumber the statements.
let safe: [SwiftSetting] = base + [.strictMemorySafety()]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")

let package = Package(
    name: "fetch-service",
    products: [
        .executable(name: "fetch-service", targets: ["fetch-service"]),
        .executable(name: "fetchctl", targets: ["fetchctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.20.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
        // Without its default traits: configuration is ours to read.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // C libraries, one target each.
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CArchive", path: "Sources/CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CLZ4", path: "storage/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

        // Values and rules.
        .target(name: "Core", swiftSettings: safe),
        .target(name: "Wire", dependencies: ["Core"], swiftSettings: safe),
        .target(name: "ReportModel", dependencies: ["Core"], swiftSettings: safe),

        // The kernel, cryptography, the relay.
        .target(name: "Platform", dependencies: ["Core", "CLinux"], swiftSettings: base),
        .target(name: "Cryptography", dependencies: ["Core", "COpenSSL"], swiftSettings: base),
        .target(name: "Relay", dependencies: ["Core", "Wire", "Platform", "Cryptography"], swiftSettings: base),

        // Storage: the protocols, the backends, the suite that each backend must pass.
        .target(name: "Storage", dependencies: ["Core"], path: "storage/Storage", swiftSettings: safe),
        .target(
            name: "DiskStore", dependencies: ["Core", "Storage", "Platform", "Cryptography", "CLZ4"],
            path: "storage/DiskStore",
            swiftSettings: base),
        .target(
            name: "SQLiteCatalog", dependencies: ["Core", "Storage", "Platform", "CLZ4", grdb, sqlite],
            path: "storage/SQLiteCatalog",
            swiftSettings: safe),
        .target(
            name: "RecordJournal", dependencies: ["Core", "Storage", "Platform"], path: "storage/RecordJournal",
            swiftSettings: safe),
        .target(
            name: "MemoryStorage", dependencies: ["Core", "Storage", "Platform", "Cryptography"],
            path: "storage/MemoryStorage",
            swiftSettings: safe),
        .target(
            name: "StorageConformance", dependencies: ["Core", "Storage", "Platform"],
            path: "storage/StorageConformance",
            swiftSettings: base),

        // The service.
        .target(
            name: "Cache", dependencies: ["Core", "Wire", "Platform", "Cryptography", "Storage"],
            swiftSettings: safe),
        .target(
            name: "Sessions", dependencies: ["Core", "Wire", "Storage", "Cryptography", "Platform", logging],
            swiftSettings: safe),
        .target(
            name: "Inspection", dependencies: ["Core", "Wire", "Cryptography", "CArchive", "CZlib"], swiftSettings: base
        ),
        .target(
            name: "Reports", dependencies: ["Core", "Storage"], swiftSettings: safe),
        .target(
            name: "Proxy",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Relay", "Storage", "Cache", "Sessions", "Inspection",
                "CZlib",
                logging,
            ],
            swiftSettings: base),
        .target(
            name: "Control",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Storage", "Sessions", "Reports", "ReportModel",
                hummingbird,
                nioCore,
                nioPosix, nioHTTP1, httpTypes, nioHTTPTypes, nioHTTPTypesHTTP1, logging,
            ],
            swiftSettings: base),

        // The programs.
        .executableTarget(
            name: "fetch-service",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Relay", "Storage", "Cache", "Sessions", "Inspection",
                "Reports",
                "Proxy", "Control", "DiskStore", "SQLiteCatalog", "RecordJournal", "MemoryStorage", arguments, logging,
                yams,
            ],
            swiftSettings: base),
        .executableTarget(
            name: "fetchctl", dependencies: ["Core", "Wire", "Platform", "ReportModel", arguments], swiftSettings: base),

        // What single operations cost; benchmarks/micro/run compares it with the thresholds there.
        .executableTarget(
            name: "microbenchmarks",
            dependencies: ["Core", "Wire", "Cryptography", "Storage", "DiskStore", "SQLiteCatalog"],
            path: "benchmarks/micro/Sources", swiftSettings: base),

        // Tests and what only they use.
        .target(name: "PlatformTesting", dependencies: ["Platform"], swiftSettings: base),
        .target(
            name: "RelayTesting", dependencies: ["Core", "Wire", "Platform", "Cryptography", "Relay"],
            swiftSettings: base
        ),
        .testTarget(name: "CoreTests", dependencies: ["Core"], swiftSettings: base),
        .testTarget(name: "WireTests", dependencies: ["Core", "Wire"], swiftSettings: base),
        .testTarget(
            name: "PlatformTests", dependencies: ["Core", "Platform", "PlatformTesting"], swiftSettings: base),
        .testTarget(
            name: "CryptographyTests", dependencies: ["Core", "Cryptography", "Platform", "PlatformTesting"],
            swiftSettings: base),
        .testTarget(
            name: "RelayTests", dependencies: ["Core", "Wire", "Platform", "Cryptography", "Relay", "RelayTesting"],
            swiftSettings: base),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Storage", "DiskStore", "SQLiteCatalog", "RecordJournal",
                "MemoryStorage", "StorageConformance", "PlatformTesting", "Cache", grdb,
            ],
            exclude: ["Fixtures"],
            swiftSettings: base),
        .testTarget(
            name: "CacheTests",
            dependencies: ["Core", "Wire", "Platform", "Cryptography", "Storage", "Cache", "MemoryStorage"],
            swiftSettings: base),
        .target(
            name: "SessionsTesting", dependencies: ["Core", "Platform", "Storage", "Sessions", logging],
            swiftSettings: base),
        .testTarget(
            name: "SessionsTests",
            dependencies: [
                "Core", "CLinux", "Wire", "Platform", "Cryptography", "Storage", "Sessions", "SessionsTesting",
                "MemoryStorage",
                "RecordJournal", "SQLiteCatalog", logging,
            ],
            swiftSettings: base),
        .testTarget(
            name: "ControlTests",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Storage", "Sessions", "SessionsTesting", "Control",
                httpTypes, logging,
            ],
            swiftSettings: base),
        .testTarget(
            name: "InspectionTests", dependencies: ["Core", "Wire", "Cryptography", "Inspection", "CArchive"],
            swiftSettings: base),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Core", "Storage", "ReportModel", "Reports"],
            swiftSettings: base),
        .testTarget(
            name: "ProxyTests",
            dependencies: [
                "Core", "Wire", "Platform", "Cryptography", "Relay", "RelayTesting", "Storage", "Cache", "Sessions",
                "SessionsTesting", "PlatformTesting", "Inspection", "Proxy", "MemoryStorage", "DiskStore", logging,
            ],
            swiftSettings: base),
        .testTarget(
            name: "FetchctlTests",
            dependencies: ["Core", "Wire", "Platform", "PlatformTesting", "ReportModel", "fetchctl"],
            swiftSettings: base),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "Core", "Wire", "Platform", "PlatformTesting", "Cryptography", "RelayTesting", "ReportModel",
                "Inspection",
                "Cache", "Control", "Proxy", "Sessions", "fetch-service", "fetchctl", logging, arguments,
            ],
            swiftSettings: base),
    ],
    swiftLanguageModes: [.v6]
)
