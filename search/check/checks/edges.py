"""Do the best values lie at the end of a range? Then better ones may lie beyond."""

import numpy as np
from scipy import stats

from search.check.finding import Finding
from search.check.record import SearchRecord
from search.statistics.holm import corrected

CHECK = "edges"
EDGE = 0.1
FEWEST = 20
LEVEL = 0.05


def check_edges(record: SearchRecord) -> Finding:
    """Counts, for each end of each range, the values of the best quarter in the outer tenth: more of them than a value
    drawn at random would be there (binomial test, Holm's correction over all ends) point beyond the range.
    """
    ranked = record.ranked
    if not record.runs:
        return Finding(CHECK, "not enough data", "no trial is finished")
    if len(ranked) < FEWEST or not record.ranges:
        return Finding(
            CHECK,
            "not enough data" if record.ranges else "ok",
            f"{len(ranked)} completed trials; it takes {FEWEST} to see where the best values lie"
            if record.ranges
            else "no parameter has a range",
        )
    best = ranked[: max(5, len(ranked) // 4)]
    ends, p = list[tuple[str, str, int, int]](), list[float]()
    for name, bounds in record.ranges.items():
        shares = [bounds.share(float(run.params[name])) for run in best if name in run.params]
        for end, count in (("lower", sum(x <= EDGE for x in shares)), ("upper", sum(x >= 1 - EDGE for x in shares))):
            ends.append((name, end, count, len(shares)))
            p.append(float(stats.binom.sf(count - 1, len(shares), bounds.edge_probability(EDGE))) if shares else 1.0)
    found = [(end, value) for end, value in zip(ends, corrected(np.array(p)), strict=True) if value <= LEVEL]
    numbers = {"best": len(best), "ends": [{"parameter": n, "end": e, "count": c, "p": q} for (n, e, c, _), q in found]}
    if not found:
        return Finding(CHECK, "ok", f"the best {len(best)} trials lie within the ranges, not at their ends", numbers)
    listed = "; ".join(
        f"{count} of the best {total} have {name} in the {end} tenth of "
        f"[{record.ranges[name].low:g}, {record.ranges[name].high:g}]"
        for (name, end, count, total), _ in found
    )
    return Finding(CHECK, "look", f"{listed}: better values may lie beyond", numbers, f"spaces {record.space}")
