import Cache
import Core
import Sessions
import Storage
import Platform
import Wire

extension Exchange {
    /// The short way of an exchange: an answer that went out before goes out again, recorded first.
    ///
    /// It takes the place of inspect, look up, serve and examine, whose results are the same as the last time.
    func begin(_ answer: ReadyAnswer, from body: Delivery.Source, in section: RepeatedSection) {
        loop.counters.repeats.add()
        verdict = answer.verdict
        source = .cache
        let response = answer.entry.response
        let bytes: Examiner.Body =
            switch body {
            case .bytes(let bytes): .bytes(bytes)
            case .reader(let reader): .reader(reader)
            case .none, .fill: .none(reason: "it is not there")
            }
        whole = (response.digest, response.size, bytes, response.partition.scope)
        delivery = Delivery(head: answer.head, source: body, framing: .length, end: response.size)
        phase = .recording
        loop.timeText = loop.timeText.at(started)
        let text = answer.text(
            started: loop.timeText, ended: .now(), duration: .now() - startedMonotonic, address: client.recorded,
            request: section.text)
        loop.record(
            ExchangeRow(
                session: session.id, category: .artifact, digest: response.digest, size: response.size,
                delivered: response.size, result: answer.result, download: text, judgement: answer.judgement),
            of: self)
    }

    /// Keeps what was found out for the next request that is the same.
    func learn(result: ExchangeRow.Result, judgement: [UInt8]) {
        guard source == .cache, cacheStatus == .hit(ttl: nil), form == .whole, mayPersist, let served, let connection,
            served.entry.response.partition == .shared, let head = responseHead, (200..<300).contains(head.status),
            RepeatedSection.isOrdinary(request), let section = connection.repeatedSection(for: self),
            let answer = ReadyAnswer(
                self, in: section, entry: served.entry, age: served.age, result: result, judgement: judgement)
        else { return }
        loop.ready.learn(answer, in: section)
    }
}
