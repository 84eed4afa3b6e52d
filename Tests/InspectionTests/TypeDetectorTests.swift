import Testing

@testable import Inspection

@Suite struct TypeDetectorTests {
    private static let packages = """
        Package: figlet
        Version: 2.2.5-3
        Priority: optional
        Section: universe/text
        Maintainer: Example <maint@archive.example>
        Architecture: amd64
        Description: Make large character ASCII banners
        Size: 133000
        no colon here

        """
    private static let builtUsing = "Package: a\nArchitecture: all\nVersion: 1\nBuilt-Using: b (= 1)\nSize: 1\n"
    private static let translation =
        "Package: a\nDescription-md5: 0123\nDescription-en: text\n more\n .\n\nPackage: b\n"
    private static let commands = "suite: noble\ncomponent: main\narch: amd64\n\nname: a\nversion: 1\ncommands: a\n"
    private static let assertion =
        "type: account-key\nauthority-id: canonical\nrevision: 2\n" + String(repeating: "x", count: 100)

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let samples: [(name: String, bytes: [UInt8], type: String)] = [
        ("nothing", [], "text/plain; charset=utf-8"),
        ("text", text("hello, wörld\n"), "text/plain; charset=utf-8"),
        (
            "long text with a character across the cut", text("a" + String(repeating: "ö", count: 40_000)),
            "text/plain; charset=utf-8"
        ),
        ("text in an old code page", [0x67, 0x72, 0xfc, 0xdf, 0x65, 0x0a], "text/plain; charset=iso-8859-1"),
        ("UTF-16", [0xff, 0xfe, 0x61, 0x00], "text/plain; charset=utf-16le"),
        ("a control byte", [0x61, 0x01, 0x62], "application/octet-stream"),
        ("HTML", text("\n <!DOCTYPE HTML>\n<html></html>"), "text/html; charset=utf-8"),
        ("HTML without doctype", text("<html><body>"), "text/html; charset=utf-8"),
        ("no HTML", text("<bold statement>"), "text/plain; charset=utf-8"),
        ("XML", text("<?xml version=\"1.0\"?><a/>"), "text/xml; charset=utf-8"),
        ("JSON object", text("{\"a\": [1, 2.5e3, true, null, \"x\\\"}\"]}\n"), "application/json"),
        ("JSON list", text("[]"), "application/json"),
        ("JSON cut at 64 KiB", text("[\"" + String(repeating: "x\", \"", count: 20_000) + "\"]"), "application/json"),
        ("not JSON", text("{\"a\": }"), "text/plain; charset=utf-8"),
        ("JSON that ends early", text("{\"a\": [1"), "text/plain; charset=utf-8"),
        ("brackets that do not fit", text("{\"a\": [1}]"), "text/plain; charset=utf-8"),
        ("one JSON line", text("{\"a\":1}\n"), "application/json"),
        ("JSON lines", text("{\"a\":1}\n{\"b\":2}\n"), "application/x-ndjson"),
        ("JSON lines cut at 64 KiB", text(String(repeating: "{\"a\":1}\n", count: 20_000)), "application/x-ndjson"),
        ("lines of which one is no object", text("{\"a\":1}\n[2]\n"), "text/plain; charset=utf-8"),
        ("PNG", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0], "image/png"),
        ("squashfs", text("hsqs") + [0, 1, 2], "application/x.squashfs"),
        (
            "squashfs, other byte order",
            text("sqsh") + [UInt8](repeating: 0, count: 24) + [0, 4]
                + [UInt8](repeating: 0, count: 100), "application/x.squashfs"
        ),
        ("no squashfs", text("sqsh") + [0], "application/octet-stream"),
        ("deb", SampleDeb().bytes, "application/vnd.debian.binary-package"),
        ("another ar archive", ArchiveBuilder.ar([("other", [0])]), "application/octet-stream"),
        ("zip", ArchiveBuilder.zip([ArchiveBuilder.Member(name: "a", bytes: [1])]), "application/zip"),
        (
            "jar",
            ArchiveBuilder.zip(
                [
                    ArchiveBuilder.Member(name: "a", bytes: [UInt8](repeating: 7, count: 100_000)),
                    ArchiveBuilder.Member(name: "META-INF/MANIFEST.MF", bytes: [1]),
                ], stored: true), "application/jar"
        ),
        ("zip without its end", Array(SampleWheel().bytes.prefix(200)), "application/zip"),
        ("gzip", ArchiveBuilder.stream(text("hello"), .gzip), "application/gzip"),
        ("xz", ArchiveBuilder.stream(text("hello"), .xz), "application/x-xz"),
        ("zstd", ArchiveBuilder.stream(text("hello"), .zstd), "application/zstd"),
        ("tar", ArchiveBuilder.tar([ArchiveBuilder.Member(name: "a", bytes: [1])]), "application/x-tar"),
        ("Packages.gz", ArchiveBuilder.stream(text(packages), .gzip), "application/x.apt.packages"),
        ("Packages.xz", ArchiveBuilder.stream(text(packages), .xz), "application/x.apt.packages"),
        (
            "long Packages.xz", ArchiveBuilder.stream(text(packages + String(repeating: "X: y\n", count: 9000)), .xz),
            "application/x.apt.packages"
        ),
        ("Packages with Built-Using", ArchiveBuilder.stream(text(builtUsing), .xz), "application/x.apt.packages"),
        ("Translation", ArchiveBuilder.stream(text(translation), .xz), "application/x.apt.translation"),
        ("Translation as gzip", ArchiveBuilder.stream(text(translation), .gzip), "application/gzip"),
        ("Commands", ArchiveBuilder.stream(text(commands), .xz), "application/x.apt.commands"),
        ("xz that ends early", Array(ArchiveBuilder.stream(text(packages), .xz).prefix(20)), "application/x-xz"),
        ("assertion", text(assertion), "application/x.ubuntu.assertion"),
        ("short assertion", text("type: a\nauthority-id: b\nc: d\n"), "text/plain; charset=utf-8"),
    ]

    @Test(arguments: TypeDetectorTests.samples.indices)
    func typesAreRecognisedByContent(_ index: Int) throws {
        let sample = Self.samples[index]
        let facts = try Sample.engine().extract(MemoryBytes(sample.bytes))
        #expect(facts.detectedType == sample.type, "\(sample.name)")
    }
}
