"""The answer of a search under fire: its race is carried out while the workers of the race are killed."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from chaos_checks import examine
from chaos_fleet import LEASE_S, NAME, Fleet
from stub_worker import STUB

from search.design.confusion import evaluator
from search.design.options import AnswerOptions
from search.design.racing import answer_plan
from search.design.running import Dependencies, Done, carry_out
from search.host.ends import End
from search.study.race_answer import stored_answer
from search.study.test_score import recorded_looks
from search.workers.settings import WorkerSettings
from storage import SharedStudy, open_study

NEVER = ("failed", "replicates_missing", "files_left", "files_of_strangers_touched")

Rage = Callable[[Fleet], None]


def race(fleet: Fleet, flags: AnswerOptions, rage: Rage) -> dict[str, Any]:
    """Has the best trials race; `fleet` is made for the race, and `rage` strikes at it until its trials are done. The
    counts: those of `MUST_BE_ZERO` among them, and what has to be exact.
    """
    plan = answer_plan(flags)
    plan = replace(plan, manifest=msgspec.structs.replace(plan.manifest, lease_s=LEASE_S))
    left = 0

    def run(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:  # noqa: ARG001
        nonlocal left
        fleet.name = shared.name
        for _ in range(workers.n_workers or 1):
            fleet.start()
        rage(fleet)
        left += fleet.wait_until_gone()
        return End.DONE

    trainer = (sys.executable, str(STUB), str(fleet.folder / "script.json"))
    dependencies = Dependencies(run, partial(evaluator, command=trainer))
    done = carry_out(plan, flags, dependencies, lambda _: None)
    found = examine(fleet.url, plan.study_name, fleet.folder / "begun.jsonl", fleet.deaths)
    return found | exact(fleet.url, done) | {"workers_that_did_not_leave": left}


def exact(url: str, done: object) -> dict[str, int]:
    """How many trainings the race has too few or too many, by its answer, and how often the test images were seen."""
    with open_study(url, NAME) as shared:
        answer, looks = stored_answer(shared), len(recorded_looks(shared))
    raced = done.result if isinstance(done, Done) else None
    if raced is None or answer is None:
        return {"answers": 0, "looks_at_test_images": looks, "replicates_missing": 0, "trainings": 0}
    arms = [(one.n, answer.replicates if one.left else 0) for one in answer.candidates]
    missing = sum(max(0, wanted - n) for n, wanted in arms)
    trained = sum(n for n, _ in arms) + (answer.reference.n if answer.reference else 0)
    return {
        "answers": 1,
        "looks_at_test_images": looks,
        "replicates_missing": missing + abs(answer.trainings - trained),
        "trainings": answer.trainings,
    }


def failed_checks(found: dict[str, Any], zero: tuple[str, ...]) -> list[str]:
    """What isn't as promised, in words."""
    failed = [f"in the race, {name} is {found[name]}" for name in (*zero, *NEVER) if found[name]]
    once = [name for name in ("answers", "looks_at_test_images") if found[name] != 1]
    failed += [f"{found[name]} {name.replace('_', ' ')} instead of 1" for name in once]
    if {found["complete"], found["finished"]} != {found["trainings"]}:
        failed.append(f"{found['complete']} trainings are complete, and the answer is from {found['trainings']}")
    if found["most_epochs_lost_by_a_kill"] > 1:
        failed.append(f"in the race, a kill has cost {found['most_epochs_lost_by_a_kill']} epochs of work")
    failed += [f"a worker of the race ended with an error: {line}" for line in found["errors"]]
    if found["workers_that_did_not_leave"]:
        failed.append(f"{found['workers_that_did_not_leave']} workers didn't leave the race")
    return failed


def race_folder(folder: Path) -> Path:
    """The folder of a race's workers, with what their trainers read and write."""
    own = folder / "race"
    own.mkdir()
    (own / "script.json").write_text("{}")
    (own / "begun.jsonl").touch()
    return own
