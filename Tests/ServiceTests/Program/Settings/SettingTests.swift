import Foundation
import Testing

@testable import fetch_service

@Suite struct SettingTests {
    @Test func everySettingHasASectionThatTheReferenceKnows() {
        let sections = Set(Setting.sections.map(\.name))
        #expect(Setting.all.allSatisfy { sections.contains($0.section) })
        #expect(sections.allSatisfy { section in Setting.all.contains { $0.section == section } })
    }

    @Test func keysAndVariablesAreUnique() {
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        let variables = Setting.all.flatMap { [$0.variable] + $0.otherVariables }
        #expect(Set(variables).count == variables.count)
        // Those have meanings of their own.
        for taken in ["AUTH", "URL", "PROXY", "CA"] { #expect(!variables.contains("FETCH_SERVICE_\(taken)")) }
    }

    @Test func whatIsShownCanBeReadAgain() throws {
        for setting in Setting.all where !["[]"].contains(setting.text(ServiceSettings())) {
            var settings = ServiceSettings()
            try setting.assign(&settings, .text(setting.text(settings)))
            #expect(setting.isSame(settings, ServiceSettings()), "\(setting.key)")
        }
    }

    @Test func everySettingIsSetAndCopiedByItself() throws {
        let others = [
            "5", "20K", "false", "true", "10m", "proxy", "hold", "power", "json", "debug", "::1", "/somewhere",
            "1.example", "counts",
        ]
        for setting in Setting.all {
            var changed = ServiceSettings()
            let isChanged = others.contains { text in
                var candidate = ServiceSettings()
                guard (try? setting.assign(&candidate, .text(text))) != nil,
                    !setting.isSame(candidate, ServiceSettings())
                else { return false }
                changed = candidate
                return true
            }
            #expect(isChanged, "\(setting.key) is stuck at its default")
            #expect(Setting.all.filter { !$0.isSame(changed, ServiceSettings()) }.map(\.key) == [setting.key])
            var copied = ServiceSettings()
            setting.copy(&copied, changed)
            #expect(Setting.all.allSatisfy { $0.isSame(copied, changed) })
        }
    }

    @Test(
        arguments: [
            ("cache.siez", "cache.size"), ("cahce.size", "cache.size"), ("size", "cache.size"),
            ("limits.conections", "limits.connections"), ("stoptimeout", "stop-timeout"),
            ("logging.verbosity", "log.verbosity"),
        ])
    func theNearestKeyIsFound(written: String, meant: String) { #expect(Setting.nearest(to: written) == meant) }

    @Test(arguments: ["nonsense", "", String(repeating: "x", count: 100_000)])
    func whatIsFarFromAllIsLikeNone(written: String) { #expect(Setting.nearest(to: written) == nil) }

    @Test func theReferenceIsWhatTheTableSays() throws {
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(5).joined(separator: "/").dropFirst()
        let text = try String(contentsOfFile: "\(root)/docs/configuration.md", encoding: .utf8)
        #expect(
            text == SettingsReference.text,
            "write it anew: fetch-service --settings-reference > docs/configuration.md")
    }
}
