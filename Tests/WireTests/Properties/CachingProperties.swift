import Wire

/// Cache-Control, dates and Vary: case, lines and order mean what the RFCs say, and decisions follow the clock.
enum CachingProperties {
    static func cacheControl(_ bytes: [UInt8]) throws {
        let values = lines(bytes, most: 4)
        let head = fields("Cache-Control", raw: values)
        let control = CacheControl(head)
        for seconds in [
            control.maxAge, control.sMaxAge, control.maxStale, control.minFresh, control.staleIfError,
            control.staleWhileRevalidate,
        ] {
            try hold(seconds.map { (0...CacheControl.longest).contains($0) } ?? true, "seconds outside their range")
        }
        let capitals = fields("cache-control", raw: values.map { $0.map { (0x61...0x7A).contains($0) ? $0 - 32 : $0 } })
        try hold(CacheControl(capitals) == control, "capitals mean something else")
        if !bytes.contains(0x22) {
            var joined: [UInt8] = []
            for value in values { joined += (joined.isEmpty ? [] : [0x2C]) + value }
            try hold(CacheControl(fields("Cache-Control", raw: [joined])) == control, "lines are not one list")
            var more = values
            more.append(Array("No-Store".utf8))
            try hold(CacheControl(fields("Cache-Control", raw: more)).noStore, "no-store is overlooked")
        }
        try decisions(head)
    }

    private static func decisions(_ head: Fields) throws {
        let arrival: Int64 = 784_111_777
        for shared in [true, false] {
            let policy = ReusePolicy(
                status: 200, fields: head, requestTime: arrival, responseTime: arrival, shared: shared)
            try hold(policy.lifetime >= 0 && policy.lifetime <= CacheControl.longest, "a lifetime outside its range")
            var wasFresh = true
            for age in [0, 1, 5, 59, 60, 61, 3600, 86_400, CacheControl.longest - 1, CacheControl.longest] {
                var isFresh = false
                for request in [Fields(), head] {
                    let decision = Reuse.decide(requestFields: request, policy: policy, now: arrival + age)
                    switch decision {
                    case .fresh(let told), .stale(let told), .staleWhileRevalidating(let told):
                        try hold(told == age, "another age")
                        try hold(!policy.needsValidation, "used without the validation that it needs")
                        if request.isEmpty, case .fresh = decision { isFresh = true }
                    case .revalidate: break
                    case .unsatisfiable: try hold(!request.isEmpty, "unsatisfiable without only-if-cached")
                    }
                }
                try hold(!isFresh || wasFresh, "it became fresh again")
                try hold(!isFresh || age < policy.lifetime, "fresh beyond its lifetime")
                wasFresh = isFresh
            }
        }
        func isStorable(shared: Bool, request: Fields = Fields()) -> Bool {
            let answer = Storability.of(
                method: "GET", requestFields: request, status: 200, responseFields: head, responseTime: arrival,
                shared: shared)
            if case .storable = answer { return true }
            return false
        }
        let isShared = isStorable(shared: true)
        try hold(!isShared || isStorable(shared: false), "everybody may have it and one may not")
        try hold(!isStorable(shared: true, request: head) || isShared, "a request makes storable what is not")
        let control = CacheControl(head)
        try hold(!isShared || !control.isPrivate, "what is private is shared")
        try hold(!isShared || !control.noStore || control.mustUnderstand, "no-store is stored")
    }

    static func date(_ bytes: [UInt8]) throws {
        let now: Int64 = 1_800_000_000
        for near in [nil, now] {
            let seconds = HTTPDate.parse(bytes.span, now: near)
            let capitals = bytes.map { (0x61...0x7A).contains($0) ? $0 - 32 : $0 }
            try hold(HTTPDate.parse(capitals.span, now: near) == seconds, "capitals mean something else")
            guard let seconds else { continue }
            let text = HTTPDate.format(seconds)
            try hold(text.utf8.count == 29, "a form of another length")
            // The leap second after the last year that has a form is held at its end.
            try hold(HTTPDate.parse(text) == min(seconds, 253_402_300_799), "read back as another date")
        }
        for name in ["Date", "Expires", "Last-Modified", "Age"] {
            var head = fields(name, raw: [bytes])
            _ = Freshness.lifetime(status: 200, fields: head, responseTime: now)
            let age = Freshness.currentAge(fields: head, requestTime: now, responseTime: now, now: now)
            try hold((0...CacheControl.longest).contains(age), "an age outside its range")
            Freshness.supplyDate(in: &head, responseTime: now)
            try hold(head.first("date").flatMap { HTTPDate.parse($0, now: now) } != nil, "there is no date")
        }
    }

    static func vary(_ bytes: [UInt8]) throws {
        let parts = lines(bytes, most: 3)
        let names = Selection.varyNames(fields("Vary", raw: [parts[0]]))
        if let names {
            try hold(names == Set(names).sorted() && !names.contains("*"), "names that are no sorted set")
            try hold(
                Selection.varyNames(fields("vary", raw: [Array(names.joined(separator: ",").utf8)])) == names,
                "the names name something else")
        }
        guard parts.count > 1 else { return }
        let (first, second) = (parts[1], parts.count > 2 ? parts[2] : [])
        for name in (names ?? []).prefix(8) + ["accept-encoding", "accept", "user-agent"] {
            let separate = fields(name, raw: [first, second])
            let key = Selection.variantKey(names: [name], requestFields: separate)
            try hold(key.utf8.count <= name.utf8.count + 3 * (first.count + second.count) + 16, "the key grows")
            try hold(key != Selection.variantKey(names: [name], requestFields: Fields()), "absent is as present")
            try hold(Selection.fits(names: [name], variant: key, requestFields: separate), "it does not fit itself")
            // Blanks at the end of a value are dropped, so an empty line can only be told apart while it is one.
            let (a, b) = (trimmed(first), trimmed(second))
            guard !a.isEmpty, !b.isEmpty, !a.contains(0x22), !b.contains(0x22), isWithoutControls(a + b) else {
                continue
            }
            let joined = fields(name, raw: [a + [0x2C, 0x20] + b])
            try hold(Selection.fits(names: [name], variant: key, requestFields: joined), "\(name): joined lines differ")
            guard name == "accept-encoding" else { continue }
            let turned = fields(name, raw: [second, first])
            try hold(Selection.fits(names: [name], variant: key, requestFields: turned), "the order of codings counts")
        }
        let all = (names ?? []) + ["accept"]
        var head = fields("Accept", raw: [first])
        let key = Selection.variantKey(names: all, requestFields: head)
        head.append("X-Unrelated", "1")
        if !all.contains("x-unrelated") {
            try hold(Selection.variantKey(names: all, requestFields: head) == key, "an unrelated field counts")
        }
    }

    private static func isWithoutControls(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        var text = bytes[...]
        while text.first == 0x20 { text = text.dropFirst() }
        while text.last == 0x20 { text = text.dropLast() }
        return Array(text)
    }
}
