/// The license of a Python package, in SPDX where that is sure.
enum PythonLicense {
    /// `License-Expression`, else the one license among the classifiers, else a short `License` field.
    static func spdx(of metadata: CoreMetadata) -> String {
        let expression = metadata.first("license-expression")
        if !expression.isEmpty { return expression }
        let prefix = "License :: "
        let classifiers = metadata.all("classifier").filter { $0.hasPrefix(prefix) && $0 != "License :: OSI Approved" }
        let field = metadata.first("license")
        let isShort = !field.isEmpty && field.utf8.count <= 100 && !field.contains("\n")
        if classifiers.count == 1, let identifier = classified[String(classifiers[0].dropFirst(prefix.count))] {
            return identifier
        }
        guard isShort else { return "" }
        return LicenseNames.spdx(field) ?? field
    }

    /// Classifiers that name exactly one SPDX license; `BSD License` and its like do not.
    private static let classified: [String: String] = [
        "OSI Approved :: Apache Software License": "Apache-2.0",
        "OSI Approved :: Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
        "OSI Approved :: European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
        "OSI Approved :: GNU Affero General Public License v3": "AGPL-3.0-only",
        "OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
        "OSI Approved :: GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
        "OSI Approved :: GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
        "OSI Approved :: GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
        "OSI Approved :: GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
        "OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
        "OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
        "OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
        "OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
        "OSI Approved :: ISC License (ISCL)": "ISC",
        "OSI Approved :: MIT License": "MIT",
        "OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
        "OSI Approved :: Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
        "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
        "OSI Approved :: Python Software Foundation License": "PSF-2.0",
        "OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
        "OSI Approved :: Universal Permissive License (UPL)": "UPL-1.0",
        "OSI Approved :: zlib/libpng License": "Zlib",
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    ]
}
