import Core
import HTTPTypes
import Testing
import Wire

@testable import Control

/// The API's description is made from the routes, so what can differ is what each says of itself.
@Suite(.timeLimit(.minutes(2))) struct DescriptionTests {
    private static let document = APIDescription(routes: ControlAPI.routes).json

    private static var operations: [(path: String, method: String, operation: JSONValue)] {
        guard case .object(let paths)? = document["paths"] else { return [] }
        return paths.flatMap { path, item -> [(String, String, JSONValue)] in
            guard case .object(let methods) = item else { return [] }
            return methods.map { (path, $0.key, $0.value) }
        }
    }

    @Test func itIsServedToEverybody() async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.probe.send("GET", "/openapi.json")
            #expect(reply.status == 200 && reply.fields.first("Content-Type") == "application/json")
            let served = try JSONValue(parsing: reply.body)
            #expect(served == Self.document && served["openapi"] == "3.1.0")
        }
    }

    @Test func itHasEveryRouteAndNoOther() async throws {
        let described = Set(Self.operations.map { "\($0.method) \($0.path)" })
        let routed = ControlAPI.routes.map { "\($0.method.rawValue.lowercased()) \($0.path)" }
        #expect(Set(routed) == described && routed.count == described.count)
        // What is described is there: whatever else the answer says, it is not that the router knows nothing of it.
        try await ControlBench.run { (bench) async throws in
            for (path, method, _) in Self.operations where !path.hasSuffix("/live") {
                let target = path.split(separator: "/").map { $0.hasPrefix("{") ? "abc" : $0 }.joined(separator: "/")
                let reply = try await bench.asAdmin(method.uppercased(), "/" + target)
                #expect(reply.status != 405, "\(method) \(path)")
                #expect(reply.text != "404 Not Found" || path.contains("{"), "\(method) \(path)")
            }
        }
    }

    @Test func everyOperationHasANameAndItsParameters() throws {
        var names: Set<String> = []
        for (path, method, operation) in Self.operations {
            let name = try #require(operation["operationId"]?.text)
            #expect(names.insert(name).inserted, "\(name) twice")
            #expect(operation["summary"]?.text?.isEmpty == false)
            let inPath =
                operation["parameters"]?.list?.filter { $0["in"] == "path" }.compactMap { $0["name"]?.text } ?? []
            let wanted = path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
            #expect(inPath == wanted, "\(method) \(path)")
            guard case .object(let replies)? = operation["responses"] else {
                Issue.record("\(method) \(path) answers nothing")
                continue
            }
            #expect(replies.keys.contains { $0.hasPrefix("2") }, "\(method) \(path)")
            #expect(replies.keys.contains("403") && replies.keys.contains("500"), "\(method) \(path)")
        }
    }

    @Test func onlyTheAdministratorsOperationsNeedCredentials() async throws {
        let open = Set(Self.operations.filter { $0.operation["security"] == [] }.map { "\($0.method) \($0.path)" })
        #expect(
            open == [
                "get /status", "delete /session/{id}/token", "get /openapi.json", "get /healthz", "get /readyz",
            ])
        try await ControlBench.run { (bench) async throws in
            for route in ControlAPI.routes {
                let target = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "abc" : $0 }
                    .joined(separator: "/")
                let reply = try await bench.probe.send(route.method.rawValue, "/" + target, body: Array("{}".utf8))
                #expect((reply.status == 401) == (route.access == .administrator), "\(route.method) \(route.path)")
            }
        }
    }

    @Test func everySchemaThatIsNamedIsThere() throws {
        guard case .object(let schemas)? = Self.document["components"]?["schemas"] else {
            Issue.record("no schemas")
            return
        }
        var named: Set<String> = []
        func look(_ value: JSONValue) {
            switch value {
            case .object(let members):
                if let reference = members["$ref"]?.text { named.insert(reference) }
                members.values.forEach(look)
            case .list(let elements): elements.forEach(look)
            default: break
            }
        }
        look(Self.document)
        #expect(named == Set(schemas.keys.filter { $0 != "" }.map { "#/components/schemas/\($0)" }))
    }

    /// Links and texts name operations and limits that there are.
    @Test func whatItTellsOfLimitsIsSo() throws {
        let names = Set(Self.operations.compactMap { $0.operation["operationId"]?.text })
        for (_, _, operation) in Self.operations {
            guard case .object(let replies)? = operation["responses"] else { continue }
            for reply in replies.values {
                guard case .object(let links)? = reply["links"] else { continue }
                for link in links.values { #expect(names.contains(link["operationId"]?.text ?? "")) }
            }
        }
        let settings = ControlSettings(user: "u", password: "p", spoolPath: "/")
        #expect(settings.largestBody == 1 << 20 && settings.readTimeout == .seconds(30))
        #expect(settings.mostListeners == 64 && settings.mostTransfers == 1000 && settings.longestPage == 500)
        #expect(settings.liveSilence == .seconds(15) && settings.stallTimeout == .seconds(30))
    }
}
