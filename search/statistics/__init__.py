"""The statistics of a designed comparison: from scores of arms on common replicates to an answer with error bars.

Pure functions of plain records: no database, no Keras, nothing that a seed doesn't reproduce. docs/statistics.md says
what is computed, why, and what simulations measured.
"""

from search.statistics.answer import Answer, ArmSummary, PairAnswer
from search.statistics.comparing import compare
from search.statistics.intervals import ConfidenceInterval
from search.statistics.looks import Look, plan_looks
from search.statistics.planning import Estimate
from search.statistics.scores import ArmScores
from search.statistics.verdict import Verdict

__all__ = [
    "Answer",
    "ArmScores",
    "ArmSummary",
    "ConfidenceInterval",
    "Estimate",
    "Look",
    "PairAnswer",
    "Verdict",
    "compare",
    "plan_looks",
]
