import Core
import Platform
import Relay
import Wire

/// The small bodies of a loop that have come and are not stored yet: they go to the pool together.
///
/// A hand-over costs as much as storing a small body, so one is made for all that come while the one before is under way.
// Confined to its loop; a batch travels through the pool, where nobody else touches it.
final class ArrivedBodies: @unchecked Sendable {
    private struct Body {
        var ingest: BodyIngest
        var trailers: Fields
        var driver: FillDriver
    }

    /// How long bodies are looked into, so that those of one session keep others waiting no longer; the rest of a batch is
    /// looked into one by one on the inspection pool, where sessions take turns.
    private static let mostExamining = Duration.milliseconds(5)

    private let loop: EventLoop
    private let strand: Strand
    private var bodies: [Body] = []
    private var isUnderWay = false
    private var isWaiting = false

    init(loop: EventLoop, pool: WorkerPool) {
        self.loop = loop
        strand = Strand(pool: pool)
    }

    /// Stores a body that has come, soon.
    func add(_ ingest: BodyIngest, _ trailers: Fields, of driver: FillDriver) {
        bodies.append(Body(ingest: ingest, trailers: trailers, driver: driver))
        guard !isUnderWay, !isWaiting else { return }
        isWaiting = true
        loop.whenIdle { [self] in
            isWaiting = false
            submit()
        }
    }

    private func submit() {
        guard !bodies.isEmpty, !isUnderWay else { return }
        isUnderWay = true
        let batch = LoopBound(bodies)
        bodies = []
        strand.submit { [self] in
            let began = MonotonicTime.now()
            let endings = batch.value.map { body in
                body.ingest.finishHere(
                    trailers: body.trailers, mayExamine: MonotonicTime.now() < began + Self.mostExamining)
            }
            loop.execute { [self] in
                for (body, ending) in zip(batch.value, endings) { body.driver.finish(ending) }
                isUnderWay = false
                submit()
            }
        }
    }
}
