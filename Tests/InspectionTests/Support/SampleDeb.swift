/// A small Debian package, right in everything unless a test changes it.
struct SampleDeb {
    static let machineReadable = """
        Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
        Upstream-Contact: Grace Example <grace@people.example>

        Files: *
        Copyright: 2020-2031 Grace Example
                   2019 Others
        License: Expat

        Files: src/zip/*
        Copyright: 1998 Somebody
        License: GPL-2+

        Files: debian/*
        Copyright: 2031 A Packager
        License: GPL-3

        License: Expat
         Permission is hereby granted …
        """

    var format = "2.0\n"
    var control: String? = """
        Package: hello-lib1
        Source: hello (1.0-1)
        Version: 1:1.0-2
        Architecture: amd64
        Maintainer: Example Maintainers <maint@archive.example>
        Description: greets the world
         and goes on.
        """
    var copyright: String? = SampleDeb.machineReadable
    var copyrightLink: String?
    var filter = ArchiveBuilder.Filter.xz
    var extraData: [ArchiveBuilder.Member] = []

    var suffix: String {
        switch filter {
        case .none: ""
        case .gzip: ".gz"
        case .xz: ".xz"
        case .zstd: ".zst"
        }
    }

    var controlArchive: [UInt8] {
        var members = [ArchiveBuilder.Member(name: "./md5sums", bytes: Array("none\n".utf8))]
        if let control { members.append(ArchiveBuilder.Member(name: "./control", bytes: Array(control.utf8))) }
        return ArchiveBuilder.tar(members, filter)
    }

    var dataArchive: [UInt8] {
        var members = extraData
        let path = "./usr/share/doc/hello-lib1/copyright"
        if let copyrightLink {
            members.append(ArchiveBuilder.Member(name: path, target: copyrightLink))
        } else if let copyright {
            members.append(ArchiveBuilder.Member(name: path, bytes: Array(copyright.utf8)))
        }
        return ArchiveBuilder.tar(members, filter)
    }

    var bytes: [UInt8] {
        ArchiveBuilder.ar([
            ("debian-binary", Array(format.utf8)), ("control.tar\(suffix)", controlArchive),
            ("data.tar\(suffix)", dataArchive),
        ])
    }
}
