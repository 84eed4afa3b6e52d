"""What the table says of a demand."""

import unittest

from driver.report import judge, judge_all, table
from driver.rows import Bound, Row


class Work(Row):
    """A row that measures nothing."""

    def measure(self, bench, peer):  # noqa: ANN001, ANN201
        return {}


def judged(bound: Bound, **rounds: list[float]):  # noqa: ANN201
    """The verdict when each peer had these figures."""
    row = Work("work", ("nginx", "ats"), (bound.figure,), (bound,))
    measured = {"work": {peer: [{bound.figure: value} for value in values] for peer, values in rounds.items()}}
    return judge(row, bound, measured, str.upper)


class JudgeTests(unittest.TestCase):
    """Demands are met, missed, or not judged."""

    def test_ratio_is_the_median_of_the_rounds_own_ratios(self) -> None:
        # Medians alone would say 2 ÷ 4; the rounds say 0.9, 0.9 and 0.2.
        verdict = judged(Bound("rate", 0.85, ("nginx",)), ours=[1.8, 9.0, 0.8], nginx=[2.0, 10.0, 4.0])
        self.assertEqual([round(value, 3) for value in verdict.values], [0.9, 0.9, 0.2])
        self.assertEqual(verdict.result, "FAIL")

    def test_the_limit_itself_is_met(self) -> None:
        self.assertEqual(judged(Bound("rate", 0.5, ("nginx",)), ours=[1.0], nginx=[2.0]).result, "pass")

    def test_the_best_peer_is_the_one_with_the_least_median(self) -> None:
        verdict = judged(Bound("rate", 1.0, ("nginx", "ats")), ours=[3.0, 3.0], nginx=[4.0, 4.0], ats=[2.0, 2.0])
        self.assertEqual((verdict.against, verdict.result), ("ATS", "FAIL"))

    def test_a_missing_peer_is_neither_pass_nor_fail(self) -> None:
        verdict = judged(Bound("rate", 1.0, ("nginx", "ats")), ours=[1.0], nginx=[4.0])
        self.assertEqual(verdict.result, "not judged: ATS missing")

    def test_our_own_failure_is_not_a_pass(self) -> None:
        self.assertEqual(judged(Bound("rate", 1.0)).result, "not judged: ours missing")

    def test_absolute_demands_are_shown_in_the_figures_unit(self) -> None:
        verdict = judged(Bound("first_hit", 0.005), ours=[0.004, 0.006, 0.0049])
        self.assertEqual((verdict.demand, verdict.result), ("≤ 5", "pass"))

    def test_another_row_of_ours_is_what_ours_is_divided_by(self) -> None:
        full = Work("full", (), ("rate",))
        short = Work("short", (), ("rate",), (Bound("rate", 0.5, against_row="full"),))
        measured = {"full": {"ours": [{"rate": 10.0}]}, "short": {"ours": [{"rate": 6.0}]}}
        verdicts = judge_all([full, short], measured, str.upper)
        self.assertEqual([verdict.result for verdict in verdicts], ["FAIL"])
        shown = table([full, short], [("ours", "ours")], measured, verdicts)
        self.assertIn("0.60 × ours", shown)


if __name__ == "__main__":
    unittest.main()
