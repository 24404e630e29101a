"""Real commands under fire: a search, a comparison, a confirmation or a race, and an export, which train real models.

Whatever is killed or told to leave is run again, as a person would, until it ends by itself with exit code 0.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from chaos_files import Strangers, files_left, files_under, models_unknown
from chaos_victims import Victims
from own_postgres import OwnPostgres

from storage import SharedStudy, open_study, study_names
from storage.errors import StorageError
from storage.manifest import Manifest
from storage.tables import manifests
from storage.transaction import writing

ROOT = Path(__file__).resolve().parents[1]
LEASE_S = 3.0
PAUSE_S = (0.3, 1.0)
MOMENT_S = 6.0  # how long a moment is waited for
CREATION_S = (0.2, 3.0)
PATIENCE_S = 240.0
LEFT = (75, 130)
MOST_ERRORS = 5

# Who gets what, shuffled, again and again. Backends are those of Postgres.
DEEDS = {
    ("command", "killed"): 3,
    ("worker", "killed"): 5,
    ("trainer", "killed"): 4,
    ("trainer_server", "killed"): 2,
    ("backend", "killed"): 2,
    ("worker", "suspended"): 1,
    ("trainer", "suspended"): 1,
    ("everything", "terminated"): 1,
}
MOMENTS = ("any", "any", "checkpoint", "settling")


@dataclass(frozen=True)
class Step:
    """A command of a round, its study, and how many are killed meanwhile, the last of them at the end."""

    verb: str
    arguments: tuple[str, ...]
    study: str
    kills: int


@dataclass
class Campaign:
    """Rounds of commands in `folder`, until `kills` processes got SIGKILL."""

    url: str
    folder: Path
    server: OwnPostgres | None
    chance: random.Random
    kills: int
    creations: int
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    _deeds: list[tuple[str, str]] = field(default_factory=list)
    _due_at: float = 0.0

    def __post_init__(self) -> None:
        self.artifacts = self.folder / "artifacts"
        self.victims = Victims(self.folder, self.server, self.chance, LEASE_S)
        self.strangers = Strangers(self.artifacts)
        self.artifacts.mkdir()

    def tell(self, text: str) -> None:
        """Says on standard error how it goes."""
        print(f"{self.victims.kills()} kills: {text}", file=sys.stderr, flush=True)

    def run(self, limit_s: float) -> None:
        """Goes on until there were enough kills; a round that has begun is finished in peace."""
        deadline = time.monotonic() + limit_s
        number = 0
        try:
            while self.victims.kills() < self.kills and time.monotonic() < deadline and not self.errors:
                number += 1
                for step in steps(self, number):
                    self.carry_out(step)
                self.counts["rounds"] += 1
        finally:
            self.victims.end_all()

    def carry_out(self, step: Step) -> None:
        """Runs the command until it ends by itself with exit code 0; strikes meanwhile."""
        for _ in range(self.creations):
            if self.victims.kills() < self.kills:
                self.kill_at_creation(step)
        deadline = time.monotonic() + PATIENCE_S
        self.tell(f"{step.verb} {step.study}")
        process = self.start(step)
        enough = min(self.kills, self.victims.kills() + step.kills)
        with Watch(self.url, step.study) as watch:
            while (code := process.poll()) != 0:
                if code is not None:
                    self.tell(f"{step.verb} ended with {code}")
                    self.note_end(step, code)
                    if len(self.errors) >= MOST_ERRORS:
                        return
                    process = self.start(step)
                if time.monotonic() > deadline:
                    self.errors.append(f"{step.verb} isn't done after {PATIENCE_S:.0f} s")
                    process.kill()
                    return
                self.strangers.plant()
                self.victims.wake()
                self.strike_if_due(watch, enough)
                time.sleep(0.02)

    def kill_at_creation(self, step: Step) -> None:
        """Kills the command while it makes its study, or a little before or after that."""
        process = self.start(step)
        with Watch(self.url, step.study) as watch:
            until = time.monotonic() + self.chance.uniform(*CREATION_S)
            while time.monotonic() < until:
                watch.shorten_leases()
                time.sleep(0.02)
        if process.poll() is None:
            process.kill()
            self.victims.counts["command_killed"] += 1
            self.counts["at_creation"] += 1
        process.wait()

    def strike_if_due(self, watch: "Watch", enough: int) -> None:
        """Strikes if it is time to, at some moment of the study, until there were enough kills; the last at the end."""
        watch.shorten_leases()
        left = enough - self.victims.kills()
        if left <= 0:
            self.victims.wake(everybody=True)
            return
        if time.monotonic() < self._due_at or (left == 1 and not watch.ended()):
            return
        moment = "end" if left == 1 else self.chance.choice(MOMENTS)
        come = self.wait_for(moment, watch)
        role, deed = self.next_deed()
        if not (role == "trainer" and watch.spares_trainers()) and self.victims.strike(role, deed):
            self._deeds.pop()
            self.counts[f"at_{moment if come else 'any'}"] += deed == "killed"
        else:
            self.chance.shuffle(self._deeds)
        self._due_at = time.monotonic() + self.chance.uniform(*PAUSE_S)

    def next_deed(self) -> tuple[str, str]:
        """What comes next of the deck."""
        if not self._deeds:
            usable = {deed: count for deed, count in DEEDS.items() if self.server is not None or deed[0] != "backend"}
            self._deeds = [deed for deed, count in usable.items() for _ in range(count)]
            self.chance.shuffle(self._deeds)
        return self._deeds[-1]

    def wait_for(self, moment: str, watch: "Watch") -> bool:
        """Waits a while for a moment; whether it has come."""
        conditions: Mapping[str, Callable[[], bool]] = {
            "any": lambda: True,
            "checkpoint": lambda: any(fnmatch(path.name, "token-*.part*") for path in files_under(self.artifacts)),
            "settling": watch.settles,
            "end": watch.ended,
        }
        until = time.monotonic() + MOMENT_S
        while not conditions[moment]():
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def note_end(self, step: Step, code: int) -> None:
        """Remembers a command that ended in a way that it should not."""
        if code in LEFT or code in (-signal.SIGKILL, -signal.SIGTERM):
            return
        said = (self.folder / f"{step.verb}.err").read_text(errors="replace").strip().splitlines()[-3:]
        self.errors.append(f"{step.verb} ended with exit code {code}: {' | '.join(said)}")

    def start(self, step: Step) -> subprocess.Popen[bytes]:
        """Starts the command."""
        given = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "OPTUNA_"))}
        environment = {**given, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", "OPTUNA_STORAGE": self.url}
        with (self.folder / f"{step.verb}.err").open("ab") as errors, (self.folder / "out.txt").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", f"search.{step.verb}", *step.arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )


def steps(campaign: Campaign, number: int) -> tuple[Step, ...]:
    """The commands of a round, each with a study of its own but the last. Searches of every other round pause trials,
    and end with a race of their best ones in the place of a confirmation.
    """
    search, small = f"search-{number}", ("--limit-train", "300", "--seed", str(number))
    common = ("--artifacts", str(campaign.artifacts), "--n-workers", "2")
    asked = ("--space", "bn_dropout", "--study-name", search, "--n-trials", "5", "--epochs", "4")
    compare, again = f"compare-{number}", f"again-{number}"
    races = number % 2 == 0
    axis = ("--space", "bn_dropout", "--axis", "batch_norm", "--seeds", "2", "--epochs", "2", "--study-name", compare)
    anew = ("--search", search, "--top", "2", "--seeds", "4" if races else "2", "--study-name", again)
    model = campaign.folder / "exported" / f"{search}.keras"
    model.parent.mkdir(exist_ok=True)
    export = ("--study-name", search, "--artifacts", str(campaign.artifacts), "-o", str(model), "--force")
    return (
        Step("launch", (*asked, *common, *small, "--pruner", "asha" if races else "none"), search, 8),
        Step("compare", (*axis, *common, *small), compare, 5),
        Step("answer" if races else "confirm", (*anew, *common), again, 4),
        Step("export", (*export, "--retrain"), search, 2),
    )


class Watch:
    """A study as a campaign sees it, from when it is there."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._shared: SharedStudy | None = None
        self._shortened = False
        self._looked_at = 0.0

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shared is not None:
            self._shared.close()

    def shared(self) -> SharedStudy | None:
        """The study, None if it isn't there yet."""
        if self._shared is None and time.monotonic() - self._looked_at > 0.1 and self._is_there():
            self._looked_at = time.monotonic()
            with contextlib.suppress(StorageError):
                self._shared = open_study(self._url, self._name)
        return self._shared

    def shorten_leases(self) -> None:
        """Has slots of dead workers be free after a few seconds, as soon as the study is there."""
        if self._shortened or (shared := self.shared()) is None:
            return
        with contextlib.suppress(StorageError), writing(shared.engine) as connection:
            here = manifests.c.study_id == shared.key.study_id
            stored = Manifest.from_json(connection.scalar(sa.select(manifests.c.manifest).where(here)) or "")
            changed = msgspec.structs.replace(stored, lease_s=LEASE_S).to_json()
            connection.execute(sa.update(manifests).where(here).values(manifest=changed))
            self._shortened = True

    def settles(self) -> bool:
        """Whether a slot is finished, and its trial isn't."""
        return self._ask(lambda shared: bool(shared.ledger.unconfirmed()))

    def ended(self) -> bool:
        """Whether all trials have their results."""
        return self._ask(lambda shared: shared.ledger.counts().finished == shared.ledger.counts().total > 0)

    def spares_trainers(self) -> bool:
        """Whether a trial has lost two trainers in a row: a third would end it, as it should without a new epoch."""
        return self._ask(
            lambda shared: any(slot.failures >= 2 and slot.state != "done" for slot in shared.ledger.slots()),
            unknown=True,
        )

    def _is_there(self) -> bool:
        file = self._url.removeprefix("sqlite:///")
        return file == self._url or Path(file).exists()

    def _ask(self, question: Callable[[SharedStudy], bool], *, unknown: bool = False) -> bool:
        shared = self.shared()
        try:
            return shared is not None and question(shared)
        except StorageError:
            return unknown


def examine_all(campaign: Campaign) -> dict[str, Any]:
    """What is left of all studies, counted: everything but the first two must be 0."""
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        studies = [stack.enter_context(open_study(campaign.url, name)) for name in study_names(campaign.url)]
        for shared in studies:
            counts.update(examine(shared))
        unknown = models_unknown(studies, campaign.artifacts)
    left = files_left(campaign.artifacts)
    others = [path.name for path in (campaign.folder / "exported").iterdir() if not path.name.startswith("search-")]
    return {
        "studies": len(studies),
        **counts,
        "files_left": len(left) + len(others),
        "files_left_are": (left + others)[:10],
        "models_that_no_trial_knows": len(unknown),
        **campaign.strangers.counts(),
    }


def examine(shared: SharedStudy) -> dict[str, int]:
    """The counts of one study."""
    slots = shared.ledger.slots()
    trials = {trial.number: trial for trial in shared.study.get_trials(deepcopy=False)}
    gaps = different = 0
    for slot in slots:
        trial = trials.get(-1 if slot.trial_number is None else slot.trial_number)
        rows = [] if trial is None else shared.ledger.epochs(trial.number)
        wanted = slot.outcome.epochs if slot.outcome is not None else 0
        gaps += [row.epoch for row in rows] != list(range(1, wanted + 1))
        values = {row.epoch: shared.manifest.value_of(rows[: number + 1]) for number, row in enumerate(rows)}
        different += trial is None or trial.intermediate_values != values
    return {
        "trials": len(slots),
        "trials_without_result": sum(slot.outcome is None for slot in slots),
        "trials_too_many": abs(len(trials) - len(slots)),
        "failed": sum(slot.outcome is not None and slot.outcome.state == "failed" for slot in slots),
        "unfinished_in_optuna": sum(not trial.state.is_finished() for trial in trials.values()),
        "results_not_told": sum(not slot.confirmed for slot in slots),
        "trials_with_gaps": gaps,
        "epochs_that_differ": different,
    }


MUST_BE_ZERO = (
    "trials_without_result",
    "trials_too_many",
    "failed",
    "unfinished_in_optuna",
    "results_not_told",
    "trials_with_gaps",
    "epochs_that_differ",
    "files_left",
    "models_that_no_trial_knows",
    "files_of_strangers_touched",
)


def run_commands(
    url: str, server: OwnPostgres | None, folder: Path, kills: int, seed: int, limit_s: float, creations: int = 1
) -> dict[str, Any]:
    """Carries a campaign out; its report."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    campaign = Campaign(url, folder, server, chance, kills, creations)
    began = time.monotonic()
    campaign.run(limit_s)
    found = examine_all(campaign)
    failed = [f"{name} is {found[name]}" for name in MUST_BE_ZERO if found.get(name)]
    if campaign.victims.kills() < kills:
        failed.append(f"{campaign.victims.kills()} processes were killed, and {kills} should have been")
    return {
        "seconds": round(time.monotonic() - began, 1),
        "kills": campaign.victims.kills(),
        **dict(sorted(campaign.victims.counts.items())),
        **dict(sorted(campaign.counts.items())),
        **found,
        "errors": campaign.errors,
        "failed_checks": failed + campaign.errors,
    }
