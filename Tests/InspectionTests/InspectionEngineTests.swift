import Core
import Cryptography
import Testing
import Wire

@testable import Inspection

@Suite struct InspectionEngineTests {
    private static let deb = "http://archive.example/debian/pool/main/h/hello/hello_1_all.deb"

    /// An inspector that says what a test wants.
    private struct Scripted: Inspector {
        let id: String
        var request: Opinion?
        var response: Opinion?
        var delivery = Delivery.streamed
        var bodyLimit: Int64 = 100
        var failsRequest = false
        var failsResponse = false
        var metadataName: String?

        func examine(_ request: InspectedRequest, at url: InspectedURL) throws(InspectorFailure) -> RequestFinding? {
            if failsRequest { throw InspectorFailure("broken") }
            guard let opinion = self.request else { return nil }
            return RequestFinding(
                Inspection(opinion, "request of \(id)"), claim: Claim(bodyLimit: bodyLimit, delivery: delivery))
        }

        func extract(from bytes: any BlobBytes, type: String, budget: ExtractionBudget) -> JSONValue? { nil }

        func judge(
            _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
        ) throws(InspectorFailure) -> ResponseFinding? {
            if failsResponse { throw InspectorFailure("broken\u{1b}") }
            guard let response else { return nil }
            var metadata = ArtifactMetadata()
            metadata.name = metadataName ?? ""
            return ResponseFinding(
                Inspection(response, "response of \(id)"), metadata: metadataName == nil ? nil : metadata)
        }
    }

    private func verdict(_ inspectors: [Scripted], policy: SessionPolicy = .permissive) -> ResponseVerdict {
        Sample.verdict([1, 2, 3], policy: policy, engine: InspectionEngine(inspectors: inspectors))
    }

    @Test func inspectorsAreNamedInTheContractsOrder() throws {
        #expect(try Sample.engine().ids == ["pip.wheel", "deb", "default"])
    }

    @Test(arguments: [SessionPolicy.strict, .permissive])
    func nothingRecognisedIsUnknownToTheDefaultAndRejected(_ policy: SessionPolicy) throws {
        let engine = try Sample.engine()
        let request = engine.inspectRequest(Sample.request("https://any.example:443/", policy: policy))
        #expect(request.inspections.map(\.id) == ["default"])
        #expect(request.inspections.map(\.inspection.opinion) == [.unknown])
        let verdict = Sample.verdict(Array("plain text\n".utf8), policy: policy, engine: engine)
        #expect(verdict.inspections.map(\.id) == ["default"])
        #expect(verdict.inspections.map(\.inspection.opinion) == [.unknown])
        #expect(verdict.result == .rejected)
        #expect(verdict.metadata.type == "text/plain; charset=utf-8")
    }

    @Test func theDefaultIsSilentWhenSomebodyDecides() throws {
        let engine = try Sample.engine(Sample.trusting)
        #expect(engine.inspectRequest(Sample.request(Self.deb))["default"] == nil)
        #expect(verdict([Scripted(id: "a", response: .rejected)])["default"] == nil)
        #expect(verdict([Scripted(id: "a", response: .unknown)])["default"] != nil)
    }

    // MARK: Claims

    @Test func aClaimCoversItsMethodsOnly() throws {
        let engine = try Sample.engine(Sample.trusting)
        #expect(engine.inspectRequest(Sample.request(Self.deb, method: "HEAD")).isPending)
        for method in ["POST", "PUT", "DELETE", "get", "OPTIONS"] {
            let verdict = engine.inspectRequest(Sample.request(Self.deb, method: method))
            #expect(!verdict.isPending)
            #expect(verdict["deb"]?.opinion == .unknown)
            #expect(verdict.refusalReason.contains("only GET and HEAD"))
        }
    }

    @Test func aClaimCoversNoQueryAndNoBody() throws {
        let engine = try Sample.engine(Sample.trusting)
        #expect(!engine.inspectRequest(Sample.request(Self.deb + "?leak=secret")).isPending)
        for (name, value) in [("Content-Length", "5"), ("Transfer-Encoding", "chunked")] {
            var fields = Fields()
            fields.append(name, value)
            #expect(!engine.inspectRequest(Sample.request(Self.deb, fields: fields)).isPending)
        }
        var empty = Fields()
        empty.append("Content-Length", "0")
        #expect(engine.inspectRequest(Sample.request(Self.deb, fields: empty)).isPending)
    }

    @Test func anUnusualPathIsNeverClaimed() throws {
        let engine = try Sample.engine(Sample.trusting)
        let verdict = engine.inspectRequest(Sample.request(Self.deb, isOrdinary: false))
        #expect(verdict.inspections.map(\.id) == ["default"])
        #expect(verdict.refusalReason.contains("two ways"))
    }

    @Test func ofSeveralClaimsTheStrictestWins() {
        let all = [
            Scripted(id: "a", request: .pending, delivery: .streamed, bodyLimit: 50),
            Scripted(id: "b", request: .pending, delivery: .held, bodyLimit: 90),
            Scripted(id: "c", request: .pending, delivery: .streamed, bodyLimit: 70),
        ]
        for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, 1]] {
            let engine = InspectionEngine(inspectors: order.map { all[$0] })
            let verdict = engine.inspectRequest(Sample.request("https://a.example:443/"))
            #expect(verdict.delivery == .held)
            #expect(verdict.bodyLimit == 50)
        }
        let alone = InspectionEngine(inspectors: [all[0], all[2]])
        #expect(alone.inspectRequest(Sample.request("https://a.example:443/")).delivery == .streamed)
    }

    @Test func oneRejectionVetoesAllClaims() {
        let engine = InspectionEngine(inspectors: [
            Scripted(id: "a", request: .pending), Scripted(id: "b", request: .rejected),
        ])
        let verdict = engine.inspectRequest(Sample.request("https://a.example:443/"))
        #expect(verdict.isRejected)
        #expect(!verdict.isPending)
        #expect(verdict.refusalReason == "b: request of b")
    }

    @Test func anInspectorThatFailsOnARequestRejectsItAndEndsTheRun() {
        let engine = InspectionEngine(inspectors: [
            Scripted(id: "a", failsRequest: true), Scripted(id: "b", request: .pending),
        ])
        let verdict = engine.inspectRequest(Sample.request("https://a.example:443/"))
        #expect(verdict.inspections.map(\.id) == ["a"])
        #expect(verdict.isRejected)
        #expect(verdict["a"]?.annotations["error-message"] == "broken")
    }

    // MARK: Results

    static let results: [(Opinion?, Opinion?, Opinion?, Opinion?, Verdict)] = [
        (.pending, .approved, nil, nil, .approved),
        (.pending, .approved, nil, .unknown, .approved),
        (.pending, .unknown, nil, .approved, .approved),
        (.pending, .unknown, nil, nil, .rejected),
        (.pending, nil, nil, nil, .rejected),
        (.pending, .approved, nil, .rejected, .rejected),
        (.pending, .approved, .rejected, .approved, .rejected),
        (.unknown, .approved, nil, nil, .rejected),
        (nil, .approved, nil, nil, .rejected),
    ]

    @Test(arguments: InspectionEngineTests.results.indices)
    func theResultFollowsFromBothSteps(_ index: Int) {
        let (request1, response1, request2, response2, expected) = Self.results[index]
        let verdict = verdict([
            Scripted(id: "a", request: request1, response: response1),
            Scripted(id: "b", request: request2, response: response2),
        ])
        #expect(verdict.result == expected)
    }

    @Test func aStrictSessionAsksOnlyThoseWhoClaimedTheRequest() {
        let verdict = verdict(
            [
                Scripted(id: "a", request: .pending, response: .unknown),
                Scripted(id: "b", request: .unknown, response: .approved),
                Scripted(id: "c", request: nil, response: .approved),
            ], policy: .strict)
        #expect(verdict.inspections.map(\.id) == ["a", "default"])
        #expect(verdict.result == .rejected)
    }

    @Test func anInspectorThatFailsInAPermissiveSessionLeavesTheOthersTheirSay() {
        let verdict = verdict([
            Scripted(id: "a", failsResponse: true), Scripted(id: "b", response: .unknown, metadataName: "found"),
        ])
        #expect(verdict.inspections.map(\.id) == ["a", "b"])
        #expect(verdict.result == .rejected)
        #expect(verdict.internalError?.hasPrefix("a: broken") ?? false)
        // What comes from outside is escaped.
        #expect(verdict["a"]?.annotations["error-message"] == "broken\\u{1b}")
        #expect(verdict.metadata.name == "found")
    }

    @Test func anInspectorThatFailsInAStrictSessionEndsTheRun() {
        let verdict = verdict(
            [
                Scripted(id: "a", request: .pending, failsResponse: true),
                Scripted(id: "b", request: .pending, response: .approved),
            ], policy: .strict)
        #expect(verdict.inspections.map(\.id) == ["a"])
        #expect(verdict.result == .rejected)
    }

    @Test func anApprovalDescribesBeforeARejectionAndThatBeforeTheRest() {
        func name(_ opinions: [Opinion]) -> String {
            let inspectors = opinions.enumerated().map { index, opinion in
                Scripted(id: "\(index)", response: opinion, metadataName: "\(index) \(opinion.rawValue)")
            }
            return verdict(inspectors).metadata.name
        }
        #expect(name([.approved, .rejected, .unknown]) == "0 Approved")
        #expect(name([.rejected, .unknown]) == "0 Rejected")
        #expect(name([.unknown, .unknown]) == "1 Unknown")
        #expect(name([.approved, .approved, .unknown]) == "1 Approved")
    }

    @Test func withoutFactsTheResultIsUnknown() throws {
        let digest = SHA256Hasher.digest([1])
        let use = ArtifactUse(
            digest: digest, size: 1, url: "https://a.example:443/", request: RequestVerdict(), policy: .permissive)
        let verdict = try Sample.engine().judge(use, facts: nil)
        #expect(verdict.result == .unknown)
        #expect(verdict.metadata.sha256 == digest.hex)
    }

    // MARK: JSON

    @Test func aJudgementIsOneObjectOfThreeMembers() throws {
        let engine = try Sample.engine(Sample.trusting)
        let request = engine.inspectRequest(Sample.request(Self.deb))
        let verdict = Sample.verdict(SampleDeb().bytes, url: Self.deb, policy: .strict, engine: engine)
        let value = try JSONValue(parsing: verdict.judgement(of: request))
        #expect(value["request-inspection"]?["deb"]?["opinion"] == "Pending")
        #expect(value["request-inspection"]?["deb"]?["annotations"]?["component"] == "main")
        #expect(value["response-inspection"]?["deb"]?["opinion"] == "Rejected")
        #expect(value["response-inspection"]?["deb"]?["annotations"] == nil)
        #expect(value["metadata"]?["name"] == "hello-lib1")
        #expect(value["metadata"]?["source-package"] == "hello (1.0-1)")
        #expect(value["metadata"]?["store-revision"] == nil)
        #expect(value["metadata"]?["size"]?.integer == Int64(SampleDeb().bytes.count))
        #expect(try JSONValue(parsing: request.json)["deb"]?["opinion"] == "Pending")
    }

    @Test func opinionsRoundTripAndUnknownWordsAreRefused() {
        for opinion in [Opinion.unknown, .rejected, .approved, .pending] {
            #expect(Opinion(rawValue: opinion.rawValue) == opinion)
        }
        #expect(Opinion(rawValue: "approved") == nil)
        #expect(Opinion(rawValue: "Perhaps") == nil)
    }

    @Test func tooManyAnnotationsAreCountedInPlaceOfKept() {
        struct Verbose: Inspector {
            let id = "verbose"
            func examine(_ request: InspectedRequest, at url: InspectedURL) -> RequestFinding? { nil }
            func extract(from bytes: any BlobBytes, type: String, budget: ExtractionBudget) -> JSONValue? { nil }
            func judge(
                _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
            ) -> ResponseFinding? {
                let text = String(repeating: "x", count: InspectionEngine.annotationLimit)
                return ResponseFinding(Inspection(.unknown, "", annotations: ["text": .string(text)]))
            }
        }
        let verdict = Sample.verdict([1], engine: InspectionEngine(inspectors: [Verbose()]))
        #expect(verdict["verbose"]?.annotations.keys.sorted() == ["omitted-annotation-bytes"])
    }
}
