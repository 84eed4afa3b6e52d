import Testing

@testable import Inspection

@Suite struct LicenseTests {
    @Test(arguments: [
        ("Expat", "MIT"), ("GPL-2+", "GPL-2.0-or-later"), ("GPL-3", "GPL-3.0-only"), ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPL-2 or Artistic-1", "GPL-2.0-only OR Artistic-1.0"), ("MIT and custom-thing", "MIT AND custom-thing"),
        ("GPL-9", "GPL-9"), ("", ""),
    ])
    func debianNamesBecomeSPDX(_ name: String, _ expected: String) {
        #expect(LicenseNames.expression(name) == expected)
    }

    @Test(arguments: [
        ("Licensed under the 3-Clause BSD license.", "BSD-3-Clause"),
        ("See /usr/share/common-licenses/GPL-2.\nversion 2, or (at your option) any later version", "GPL-2.0-or-later"),
        ("On Debian systems: `/usr/share/common-licenses/Apache-2.0'.", "Apache-2.0"),
        ("* Permission is hereby granted, free of charge,\n * to any person obtaining a copy", "MIT"),
        ("/usr/share/common-licenses/GPL-2 and /usr/share/common-licenses/Apache-2.0", ""),
        ("All rights reserved.", ""), ("", ""),
    ])
    func licenseTextsAreRecognisedWhenOneCanBeMeant(_ text: String, _ expected: String) {
        #expect(CopyrightFile(Array(text.utf8)).license == expected)
    }

    @Test func aPlainCopyrightFileNamesAuthorAndHolders() {
        let file = CopyrightFile(Array("It was written.\n\nUpstream Author: Ada Example\nCopyright: 2020 Ada\n".utf8))
        #expect(file.author == "Ada Example")
        #expect(file.copyright == "Copyright: 2020 Ada")
    }

    @Test(arguments: [
        ("License-Expression: MIT\nLicense: whatever\n", "MIT"),
        ("Classifier: License :: OSI Approved :: Apache Software License\n", "Apache-2.0"),
        ("Classifier: License :: OSI Approved :: BSD License\nLicense: BSD 3-Clause\n", "BSD-3-Clause"),
        ("License: My own words\n", "My own words"),
        ("License: first line\n        second line\n", ""),
        ("Name: x\n", ""),
    ])
    func pythonLicensesBecomeSPDX(_ metadata: String, _ expected: String) {
        #expect(PythonLicense.spdx(of: CoreMetadata(Array(metadata.utf8))) == expected)
    }

    @Test(arguments: [
        (["py3-none-any"], "all"), (["cp311-cp311-win32"], "i386"), (["cp311-abi3-musllinux_1_2_aarch64"], "arm64"),
        (["cp39-cp39-macosx_11_0_universal2"], "amd64 arm64"), (["cp39-cp39-linux_armv7l"], "armhf"),
        (["cp39-cp39-manylinux2014_ppc64le"], "ppc64el"), (["odd"], ""), ([], ""),
    ])
    func platformTagsBecomeDebianArchitectures(_ tags: [String], _ expected: String) {
        #expect(WheelPlatform.architectures(ofTags: tags) == expected)
    }
}
