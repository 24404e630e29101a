"""How long the report on a large study takes to make, and how large it is.

    python benchmarks/report_size.py --trials 1000
    python benchmarks/report_size.py --smoke

Creates a study of N trials, and a report on it. Prints JSON: seconds and bytes.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import optuna
from filled_study import filled_study
from machine_facts import machine_facts

from search.report.making import make_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--smoke", action="store_true", help="twenty trials")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = 20 if options.smoke else options.trials
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        with filled_study(f"sqlite:///{folder}/search.db", "filled", trials) as shared:
            began = time.perf_counter()
            make_report(shared, "html", page)
            seconds = time.perf_counter() - began
        result = {"trials": trials, "seconds": round(seconds, 2), "bytes": page.stat().st_size, **machine_facts()}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
