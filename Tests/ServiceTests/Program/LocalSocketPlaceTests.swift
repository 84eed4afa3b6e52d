import Glibc
import Testing

@testable import fetch_service

@Suite struct LocalSocketPlaceTests {
    @Test func theUsualPlacesAreTriedInOrder() {
        func candidates(_ environment: [String: String], user: uid_t, named: String? = nil) -> [String] {
            LocalSocketPlace.candidates(named: named, environment: environment, user: user, stateFolder: "/state")
        }
        let state = "/state/fetchctl.socket"
        #expect(candidates([:], user: 7) == [state])
        #expect(
            candidates(["XDG_RUNTIME_DIR": "/run/user/7"], user: 7) == [
                "/run/user/7/fetch-service/fetchctl.socket", state,
            ])
        #expect(candidates(["XDG_RUNTIME_DIR": "relative", "RUNTIME_DIRECTORY": "x"], user: 7) == [state])
        #expect(
            candidates(["RUNTIME_DIRECTORY": "/run/fetch:/run/other"], user: 7) == [
                "/run/fetch/fetchctl.socket", state,
            ])
        #expect(candidates(["RUNTIME_DIRECTORY": "/run/fetch"], user: 7, named: "/a/b") == ["/a/b"])
        #expect(candidates([:], user: 0).last == state)
    }
}
