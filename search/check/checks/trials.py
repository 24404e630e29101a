"""Were there enough trials? As long as new bests come, the next trial may be better, too."""

from itertools import accumulate

from search.check.finding import Finding
from search.check.record import SearchRecord

CHECK = "trials"
FEWEST = 10
MOST_RECORDS = 3  # in the second half: trials in any order have 0.7 on average, and 3 or more in 3 % of all orders


def check_trials(record: SearchRecord) -> Finding:
    """Counts how often a trial of the second half was the best of its time. The chance that one more trial is better
    is estimated by that count, and is at least 1 / (n + 1), as for trials in any order (Rényi 1962, records).
    """
    scores = [run.last for run in record.complete]
    n = len(scores)
    if n < FEWEST:
        return Finding(CHECK, "not enough data", f"{n} completed trials; it takes {FEWEST} to see how the best grows")
    running = list(accumulate(scores, max))
    half = n // 2
    records = sum(now > before for before, now in zip(running[half - 1 :], running[half:], strict=False))
    since = n - 1 - scores.index(running[-1])
    chance = max(1 / (n + 1), records / (n - half))
    numbers = {"complete": n, "records_in_second_half": records, "since_best": since, "chance_of_better": chance}
    words = f"chance that one more trial is better: about {chance:.0%}; the last {since} of {n} completed ones weren't"
    if records >= MOST_RECORDS:
        more = f"launch --space {record.space} --study-name {record.name} --n-trials {len(record.runs) + n}"
        return Finding(CHECK, "look", f"{records} of the last {n - half} were new bests; {words}", numbers, more)
    return Finding(CHECK, "ok", words, numbers)
