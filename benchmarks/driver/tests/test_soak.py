"""What a soak holds against the service."""

import copy
import hashlib
import random
import unittest
from types import SimpleNamespace

from driver.soak.bodies import STAMP_BYTES, Body, wheel, wheel_path
from driver.soak.client import Truncated, WrongBytes
from driver.soak.judging import CACHES_BYTES, judge_descriptors, judge_memory, judge_state, judge_tally
from driver.soak.kinds import Tally, Visit, broken, hit_small, single_range
from driver.soak.service import Sample
from driver.soak.sessions import Entry, Session, differences

HOUR = 3600.0


def sample(seconds: float, anonymous: float = 0, descriptors: tuple[str, ...] | None = (), state: int = 0) -> Sample:
    """A sample of what matters."""
    return Sample(seconds, int(anonymous), int(anonymous), 9, descriptors, state)


def hour(anonymous) -> list[Sample]:  # noqa: ANN001
    """One sample each ten seconds."""
    return [sample(seconds, anonymous(seconds)) for seconds in range(0, 3600, 10)]


class MemoryTests(unittest.TestCase):
    """Memory is flat or it is not."""

    def test_memory_that_fills_in_the_first_quarter_is_flat(self) -> None:
        samples = hour(lambda seconds: min(200e6, 50e6 + seconds * 1e6))
        self.assertIs(judge_memory(samples, HOUR).is_met, True)

    def test_a_leak_is_noticed_from_some_megabytes_in_half_an_hour(self) -> None:
        self.assertIs(judge_memory(hour(lambda seconds: 100e6 + seconds * 3e3), HOUR).is_met, True)
        self.assertIs(judge_memory(hour(lambda seconds: 100e6 + seconds * 10e3), HOUR).is_met, False)

    def test_one_peak_is_no_growth(self) -> None:
        samples = hour(lambda seconds: 900e6 if seconds == 3000 else 100e6)
        self.assertIs(judge_memory(samples, HOUR).is_met, True)

    def test_a_short_run_may_still_fill_its_caches_and_no_more(self) -> None:
        samples = [sample(seconds, 50e6 + (seconds > 150) * CACHES_BYTES) for seconds in range(0, 300, 3)]
        self.assertIs(judge_memory(samples, 300).is_met, True)
        samples = [sample(seconds, 50e6 + (seconds > 150) * 1.2 * CACHES_BYTES) for seconds in range(0, 300, 3)]
        self.assertIs(judge_memory(samples, 300).is_met, False)

    def test_too_few_samples_are_no_verdict(self) -> None:
        self.assertIsNone(judge_memory([sample(1), sample(2)], 4).is_met)


class DescriptorTests(unittest.TestCase):
    """What exchanges open must be closed in the end."""

    def test_a_socket_more_is_one_too_many(self) -> None:
        before = sample(0, descriptors=("socket:[1]", "pipe:[2]", "/dev/null"))
        after = sample(9, descriptors=("socket:[1]", "pipe:[2]", "socket:[3]", "/dev/null"))
        self.assertIs(judge_descriptors(before, after).is_met, False)
        self.assertIs(judge_descriptors(before, before).is_met, True)

    def test_a_body_that_stays_open_is_one_too_many_and_a_segment_is_not(self) -> None:
        before = sample(0, descriptors=("socket:[1]",))
        segment = sample(9, descriptors=("socket:[1]", "/s/.store/content/segments/7", "/s/.store/cache.db"))
        body = sample(9, descriptors=("socket:[1]", "/s/.store/content/blobs/ab/cd/abcd"))
        self.assertIs(judge_descriptors(before, segment).is_met, True)
        self.assertIs(judge_descriptors(before, body).is_met, False)

    def test_what_may_not_be_looked_at_is_not_judged(self) -> None:
        self.assertIsNone(judge_descriptors(sample(0), sample(9, descriptors=None)).is_met)

    def test_a_state_folder_beyond_cache_and_record_fails(self) -> None:
        self.assertIs(judge_state([sample(0, state=100 << 20)], 96 << 20).is_met, True)
        self.assertIs(judge_state([sample(0, state=400 << 20)], 96 << 20).is_met, False)


class TallyTests(unittest.TestCase):
    """Counts become verdicts."""

    def test_wrong_bytes_failures_and_gaps_are_told_apart(self) -> None:
        tally = Tally()
        tally.finished("hit-small")
        self.assertEqual([v.is_met for v in judge_tally(tally, ["hit-small"])], [True, True, True])
        self.assertEqual([v.is_met for v in judge_tally(tally, ["hit-small", "head"])], [True, True, False])
        tally.fail("head", OSError("refused"))
        self.assertEqual([v.is_met for v in judge_tally(tally, ["hit-small"])], [True, False, True])
        tally.fail("hit-small", WrongBytes("other bytes"))
        self.assertEqual([v.is_met for v in judge_tally(tally, ["hit-small"])], [False, False, True])


class BodyTests(unittest.TestCase):
    """Bodies are functions of their path."""

    def test_parts_are_parts_of_the_whole(self) -> None:
        for path in ("/v1/hit/10/a", "/v1/text/5000000/b", "/v1/miss/64/c", "/v1/hit/0/d"):
            body = Body(path)
            whole = body.bytes()
            self.assertEqual(len(whole), body.size)
            self.assertEqual(hashlib.sha256(whole).hexdigest(), body.digest)
            for first, end in ((0, 0), (0, 7), (3, STAMP_BYTES + 9), (4_000_000, 4_999_999), (body.size, body.size)):
                self.assertEqual(body.bytes(first, min(end, body.size)), whole[first:end])

    def test_neither_two_paths_nor_two_versions_nor_two_places_are_alike(self) -> None:
        self.assertNotEqual(Body("/v1/hit/900/a").digest, Body("/v1/hit/900/b").digest)
        self.assertNotEqual(Body("/v1/reval/900/a", 1).digest, Body("/v1/reval/900/a", 2).digest)
        whole = Body("/v1/hit/3000000/a").bytes()
        self.assertNotEqual(whole[1 << 20 : 2 << 20], whole[2 << 20 : 3_145_728])

    def test_a_wheel_is_made_the_same_again_and_a_bad_one_is_smaller(self) -> None:
        good, bad = (wheel_path("1", is_good, by_digest=False) for is_good in (True, False))
        self.assertEqual(wheel(good), wheel.__wrapped__(good))
        self.assertGreater(len(wheel(good)), len(wheel(bad)))


class ReportTests(unittest.TestCase):
    """Reports and ledgers agree, or the difference is named."""

    def setUp(self) -> None:
        self.entries = [
            Entry("GET", "http://o/a", 200, "d1", 10), Entry("GET", "http://o/a", 200, "d1", 10),
            Entry("GET", "http://o/gone", 404, "d2", 3), Entry("GET", "http://o/left", 200), Entry("GET", "http://o/x"),
        ]
        self.report = {
            "record-complete": True, "totals": {"exchanges": 4},
            "artifacts": [{"metadata": {"sha256": "d1"}, "downloads": [
                {"number": 1, "method": "GET", "url": "http://o/a", "status-code": 200, "delivered": 10},
                {"number": 3, "method": "GET", "url": "http://o/a", "status-code": 200, "delivered": 10},
            ]}],
            "responses": [{
                "number": 2, "method": "GET", "url": "http://o/gone", "status-code": 404, "sha256": "d2",
                "delivered": 3,
            }],
            "failed-transfers": [{
                "number": 4, "method": "GET", "url": "http://o/left", "status-code": 200, "delivered": 5,
                "truncated": True,
            }],
        }

    def _wrong(self, change) -> str:  # noqa: ANN001
        report = copy.deepcopy(self.report)
        change(report)
        return "; ".join(differences(self.entries, report))

    def test_a_right_report_has_no_differences(self) -> None:
        self.assertEqual(self._wrong(lambda report: None), "")

    def test_an_exchange_that_is_missing_is_named(self) -> None:
        def change(report: dict) -> None:
            del report["artifacts"][0]["downloads"][1]
        wrong = self._wrong(change)
        self.assertIn("GET http://o/a was answered 200 2 times, 1 of them are recorded", wrong)
        self.assertIn("without gaps", wrong)
        self.assertIn("the totals say 4", wrong)

    def test_an_exchange_that_nobody_made_is_named(self) -> None:
        def change(report: dict) -> None:
            more = {"number": 5, "method": "GET", "url": "http://o/b", "status-code": 200}
            report["responses"].append(more)
        self.assertIn("http://o/b was sent 0 times", self._wrong(change))

    def test_another_digest_or_size_is_named(self) -> None:
        def digest(report: dict) -> None:
            report["artifacts"][0]["metadata"]["sha256"] = "other"
        def size(report: dict) -> None:
            report["responses"][0]["delivered"] = 2
        self.assertIn("was received 2 times with 10 bytes of d1, recorded 0 times", self._wrong(digest))
        self.assertIn("was received 1 times with 3 bytes of d2, recorded 0 times", self._wrong(size))

    def test_a_whole_body_that_is_recorded_as_cut_is_named(self) -> None:
        def change(report: dict) -> None:
            report["responses"][0]["truncated"] = True
        self.assertIn("recorded 0 times", self._wrong(change))

    def test_an_incomplete_record_is_named(self) -> None:
        self.assertIn("incomplete", self._wrong(lambda report: report.update({"record-complete": False})))


class FakeResponse:
    """An answer that is there already."""

    def __init__(self, status: int, content: bytes, fields: dict[str, str], breaks: bool = False) -> None:
        self.status, self._content, self._fields, self.size, self._breaks = status, content, fields, 0, breaks

    def field(self, name: str) -> str:
        return self._fields.get(name, "")

    def read(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self):  # noqa: ANN201
        self.size = len(self._content)
        yield self._content
        if self._breaks:
            raise Truncated("it broke")

    def digest(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()


class FakeConnection:
    """Answers each request with what `respond` makes of its path and fields."""

    def __init__(self, respond) -> None:  # noqa: ANN001
        self._respond = respond
        self.session = Session("s", "t", "permissive", 1, 0)
        self.place = SimpleNamespace()
        self._asked = ("", ())

    def send(self, path: str, method: str = "GET", fields: tuple[str, ...] = ()) -> Entry:
        self._asked = (path, fields)
        return self.session.note(method, f"http://origin.example{path}")

    def receive(self, entry: Entry) -> FakeResponse:
        response = self._respond(*self._asked)
        entry.status = response.status
        return response


class KindTests(unittest.TestCase):
    """Clients notice what is wrong."""

    def _visit(self, respond) -> Visit:  # noqa: ANN001
        return Visit(FakeConnection(respond), random.Random(3), Tally())

    def test_a_right_body_is_entered_in_the_ledger(self) -> None:
        visit = self._visit(lambda path, _: FakeResponse(200, Body(path).bytes(), {}))
        hit_small(visit)
        (entry,) = visit.session.entries
        body = Body(entry.url.removeprefix("http://origin.example"))
        self.assertEqual((entry.digest, entry.size, visit.tally.bodies), (body.digest, body.size, 1))

    def test_one_flipped_bit_is_noticed(self) -> None:
        def respond(path: str, _) -> FakeResponse:  # noqa: ANN001
            content = bytearray(Body(path).bytes())
            content[len(content) // 2] ^= 1
            return FakeResponse(200, bytes(content), {})
        with self.assertRaises(WrongBytes):
            hit_small(self._visit(respond))

    def test_a_range_from_another_place_is_noticed(self) -> None:
        def respond(path: str, fields: tuple[str, ...]) -> FakeResponse:
            body = Body(path)
            first, _, last = fields[0].removeprefix("Range: bytes=").partition("-")
            start = int(first) if first else body.size - int(last)
            end = int(last) + 1 if first and last else body.size
            shown = {"content-range": f"bytes {start}-{end - 1}/{body.size}"}
            return FakeResponse(206, body.bytes(start, end - 1) + b"?", shown)
        with self.assertRaises(WrongBytes):
            single_range(self._visit(respond))

    def test_a_broken_body_must_not_look_whole(self) -> None:
        broken(self._visit(lambda path, _: FakeResponse(200, b"half", {}, breaks=True)))
        with self.assertRaises(WrongBytes):
            broken(self._visit(lambda path, _: FakeResponse(200, Body(path).bytes(), {})))


if __name__ == "__main__":
    unittest.main()
