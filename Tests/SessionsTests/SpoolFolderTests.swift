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
            try Kernel.replaceFile(folder + "/abc/cache/git/x", with: [1])
            try FileManager.default.createSymbolicLink(atPath: folder + "/abc/link", withDestinationPath: outside)
            let spool = SpoolFolder(path: folder)
            try spool.remove(try #require(SessionID("abc")))
            #expect(!FileManager.default.fileExists(atPath: folder + "/abc"))
            #expect(FileManager.default.fileExists(atPath: outside + "/deep/keep"))
        }
    }

    @Test func aLinkInPlaceOfASessionFolderIsRemovedAndNotFollowed() throws {
        try inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/outside", withIntermediateDirectories: true)
            try Kernel.replaceFile(folder + "/outside/keep", with: [1])
            try FileManager.default.createSymbolicLink(atPath: folder + "/abc", withDestinationPath: "outside")
            try SpoolFolder(path: folder).remove(try #require(SessionID("abc")))
            #expect(FileManager.default.fileExists(atPath: folder + "/outside/keep"))
            #expect(try Kernel.names(inFolder: folder) == ["outside"])
        }
    }

    @Test func removingWhatIsNotThereIsNoError() throws {
        try inFolder { folder in
            try SpoolFolder(path: folder).remove(try #require(SessionID("abc")))
        }
    }
}
