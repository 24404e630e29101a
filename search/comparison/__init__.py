"""The statistics of a designed comparison: from scores of arms on common replicates to an answer with error bars.

Pure functions of plain records: no database, no Keras, nothing that a seed doesn't reproduce. docs/statistics.md says
what is computed, why, and what simulations measured.
"""

from search.comparison.answer import Answer, ArmSummary, PairAnswer
from search.comparison.comparing import compare
from search.comparison.intervals import Interval
from search.comparison.looks import Look, plan_looks
from search.comparison.planning import Estimate
from search.comparison.scores import Arm
from search.comparison.verdict import Verdict

__all__ = [
    "Answer",
    "Arm",
    "ArmSummary",
    "Estimate",
    "Interval",
    "Look",
    "PairAnswer",
    "Verdict",
    "compare",
    "plan_looks",
]
