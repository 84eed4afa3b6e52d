import Core
import Foundation
import Platform
import Testing

@testable import Sessions

@Suite struct SpoolFolderTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "spool-" + UUID().uuidString
        try Kernel.mkdir(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func filesAndFoldersAreForUsOnly() throws {
        try inFolder { folder in
            let session = SpoolFolder(path: folder).folder(of: try #require(SessionID("abc")))
            try session.make()
            try session.make()
            try session.write("session.json", [1, 2])
            try session.write("session.json", [3])
            #expect(try (Kernel.stat("\(folder)/abc")?.mode ?? 0) & 0o777 == 0o700)
            #expect(try (Kernel.stat("\(folder)/abc/session.json")?.mode ?? 0) & 0o777 == 0o600)
            #expect(try Kernel.contents(of: "\(folder)/abc/session.json") == [3])
        }
    }

    @Test func aFileThatCannotBeFilledLeavesNothing() throws {
        struct Broken: Error {}
        try inFolder { folder in
            let session = SpoolFolder(path: folder).folder(of: try #require(SessionID("abc")))
            try session.make()
            #expect(throws: Broken.self) { try session.fill("assets/x.data") { _ in throw Broken() } }
            #expect(try Kernel.names(inFolder: "\(folder)/abc/assets").isEmpty)
        }
    }

    @Test func theFinishedAreThoseWithTheirFileFromBefore() throws {
        try inFolder { folder in
            let spool = SpoolFolder(path: folder)
            for name in ["old", "unfinished"] {
                try spool.folder(of: try #require(SessionID(name))).make()
            }
            try spool.folder(of: try #require(SessionID("old"))).write("session.json", [1])
            try Kernel.mkdir("\(folder)/.store")
            try Kernel.replaceFile("\(folder)/.store/session.json", with: [1])
            #expect(try spool.finished(before: WallTime.now() + .seconds(60)).map(\.text) == ["old"])
            #expect(try spool.finished(before: WallTime.now() + .seconds(-60)).isEmpty)
        }
    }

    @Test func removalTakesTheWholeTreeAndFollowsNoLink() throws {
        try inFolder { folder in
            let outside = folder + "/outside"
            try FileManager.default.createDirectory(atPath: outside + "/deep", withIntermediateDirectories: true)
            try Kernel.replaceFile(outside + "/deep/keep", with: [1])
            try FileManager.default.createDirectory(
                atPath: folder + "/abc/cache/git", withIntermediateDirectories: true)
            try Kernel.mkdir(folder + "/abc/assets")
            try Kernel.replaceFile(folder + "/abc/cache/git/x", with: [1])
            try FileManager.default.createSymbolicLink(atPath: folder + "/abc/link", withDestinationPath: outside)
            let spool = SpoolFolder(path: folder)
            try spool.remove(try #require(SessionID("abc")))
            #expect(!FileManager.default.fileExists(atPath: folder + "/abc"))
            #expect(FileManager.default.fileExists(atPath: outside + "/deep/keep"))
        }
    }

    @Test func whatIsNoSessionsFolderStays() throws {
        try inFolder { folder in
            let spool = SpoolFolder(path: folder)
            try spool.folder(of: try #require(SessionID("real"))).make()
            try Kernel.replaceFile(folder + "/real/assets/keep", with: [1])
            for name in ["empty", "other", "marked", "linked"] { try Kernel.mkdir("\(folder)/\(name)") }
            try Kernel.replaceFile(folder + "/other/keep", with: [1])
            // The right names, and not what they should be.
            try Kernel.mkdir(folder + "/marked/session.json")
            try Kernel.replaceFile(folder + "/marked/assets", with: [1])
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/linked/assets", withDestinationPath: "../real/assets")
            try Kernel.replaceFile(folder + "/file", with: [1])
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "real")
            let all = Set(try Kernel.names(inFolder: folder))
            for name in all.subtracting(["real"]) {
                #expect(try !spool.remove(try #require(SessionID(name))), "\(name)")
            }
            #expect(Set(try Kernel.names(inFolder: folder)) == all)
            #expect(try Kernel.names(inFolder: folder + "/marked").count == 2)
            #expect(FileManager.default.fileExists(atPath: folder + "/real/assets/keep"))
            #expect(try spool.remove(try #require(SessionID("real"))))
        }
    }

    @Test func whatMarksAFolderGoesLastSoThatARemovalCanBeEnded() throws {
        try inFolder { folder in
            let (spool, id) = (SpoolFolder(path: folder), try #require(SessionID("abc")))
            try spool.folder(of: id).make()
            try spool.folder(of: id).write("session.json", [1])
            // Deeper than anything is removed.
            var deep = "\(folder)/abc"
            for _ in 0..<70 {
                deep += "/d"
                try Kernel.mkdir(deep)
            }
            #expect(throws: SystemError.self) { try spool.remove(id) }
            #expect(Set(try Kernel.names(inFolder: "\(folder)/abc")) == ["assets", "session.json", "d"])
        }
    }

    @Test func removingWhatIsNotThereIsNoError() throws {
        try inFolder { folder in
            try SpoolFolder(path: folder).remove(try #require(SessionID("abc")))
        }
    }
}
