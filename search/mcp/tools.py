"""The tools: what each takes, and how it answers.

Every answer has a `verdict` in a word or two, the `interval` behind it (null where there is none), the `sentence` that
may be claimed, and the document that the command of the same name prints as JSON.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from search.check.checks import CHECKS
from search.check.gathering import record_of
from search.check.texts import as_json as check_json
from search.check.texts import verdict as check_verdict
from search.commands.chosen_study import chosen_study
from search.design.answer_words import verdict as pair_sentence
from search.design.answer_words import verdicts
from search.design.report import comparison_document, interval
from search.design.stored_result import comparison_of
from search.errors import UsageError
from search.launching.watching import status_json
from search.mcp.runs import planned, started
from search.study.snapshot import take_snapshot
from search.views.configuration_text import described_trial, trial_json
from search.views.facts import StudyFacts, gather_facts
from search.views.next_commands import storage_flag
from search.views.proportion import wilson_interval
from search.views.sentences import answered, baselines, headline, tested
from spaces import is_built_in
from storage import SharedStudy

Answer = dict[str, Any]
Arguments = Mapping[str, Any]

STUDY = {"study_name": {"type": "string", "description": "The study; may be left out if the database has only one."}}
WHOLE = {"type": "integer", "minimum": 1}
SEARCH = {
    "space": {"type": "string", "description": "The space to search, such as bn_dropout."},
    "dataset": {"type": "string", "description": "The images: a name, a folder or an .npz file. Default: digits."},
    "study_name": {"type": "string", "description": "The study's name. Default: SPACE-DATASET."},
    "n_trials": WHOLE,
    "epochs": WHOLE,
    "n_workers": {"type": "integer", "minimum": 0},
    "timeout": {"type": "string", "description": "When to stop, such as 30m or 2h."},
    "seed": {"type": "integer", "minimum": 0},
}
COMPARISON = {
    "space": {"type": "string", "description": "The space whose parameter is compared. Starts a comparison."},
    "axis": {"type": "string", "description": "The parameter to compare: each of its choices is an arm."},
    "choices": {"type": "array", "items": {"type": "string"}, "description": "Compare only these."},
    "seeds": {"type": "integer", "minimum": 2, "description": "Replicates per arm."},
    "dataset": SEARCH["dataset"],
    "epochs": WHOLE,
    "n_workers": SEARCH["n_workers"],
}


@dataclass(frozen=True)
class Desk:
    """What the tools work on: a database, and whether they may start searches."""

    storage: str
    allow_run: bool = False

    @contextmanager
    def study(self, arguments: Arguments) -> Iterator[SharedStudy]:
        """The study that the arguments name, read-only."""
        with chosen_study(self.storage, arguments.get("study_name")) as shared:
            yield shared

    def require_run(self, what: str) -> None:
        """Raises UsageError unless searches may be started."""
        if not self.allow_run:
            raise UsageError(f"{what} isn't allowed: this server only reads, unless it is started with --allow-run")


@dataclass(frozen=True)
class Tool:
    """A tool; `runs` says that it may start something."""

    name: str
    description: str
    schema: dict[str, Any]
    answer: Callable[[Desk, Arguments], Answer]
    runs: bool = False


def said(verdict: str, sentence: str, document: Any, found: Any = None) -> Answer:
    """An answer."""
    return {"verdict": verdict, "interval": found, "sentence": sentence, "document": document}


def plan(desk: Desk, arguments: Arguments) -> Answer:
    """What a launch would do."""
    if not is_built_in(str(arguments["space"])):
        desk.require_run("running a space that isn't built in")
    document, told = planned(desk.storage, arguments)
    return said("nothing was done", told, document)


def launch(desk: Desk, arguments: Arguments) -> Answer:
    """Starts a search, which goes on by itself."""
    desk.require_run("launching a search")
    planned(desk.storage, arguments)
    return said("started", *started("search.launch", desk.storage, arguments))


def status(desk: Desk, arguments: Arguments) -> Answer:
    """How far a study is."""
    with desk.study(arguments) as shared:
        facts = gather_facts(shared)
        document = msgspec.json.decode(status_json(shared, take_snapshot(shared)))
    return said("finished" if facts.done else "unfinished", headline(facts), document)


def best(desk: Desk, arguments: Arguments) -> Answer:
    """The best trial, and what may be said of it."""
    with desk.study(arguments) as shared:
        facts = gather_facts(shared)
        document = msgspec.json.decode(trial_json(described_trial(shared, "best")))
    sentence = " ".join(part for part in (headline(facts), *baselines(facts), tested(facts), *answered(facts)) if part)
    caution = "It was chosen by its validation score, which flatters it; one training each says little of settings."
    return said("best so far, not compared", f"{sentence} {caution}", document, interval_of_best(facts))


def interval_of_best(facts: StudyFacts) -> Answer | None:
    """The 95 % interval of the test accuracy, else of the validation accuracy; None for other objectives."""
    if facts.test is not None:
        low, high = wilson_interval(facts.test.accuracy, facts.test.n)
        return {"of": "test accuracy", "low": low, "high": high, "confidence": 0.95}
    if facts.best is None or facts.best.value is None or not facts.manifest.goal.is_share:
        return None
    low, high = wilson_interval(facts.best.value, facts.manifest.n_scored)
    return {"of": facts.manifest.objective, "low": low, "high": high, "confidence": 0.95}


def compare(desk: Desk, arguments: Arguments) -> Answer:
    """What a comparison says so far; with a space, starts one."""
    if "space" in arguments:
        desk.require_run("starting a comparison")
        return said("started", *started("search.compare", desk.storage, arguments))
    with desk.study(arguments) as shared:
        result = comparison_of(shared)
        if result is None:
            raise UsageError(f"the study {shared.name!r} is a search, not a comparison: ask for its best")
    pairs = result.answer.pairs if result.answer is not None else ()
    fewest = result.answer.fewest if result.answer is not None else 0
    answers = [
        {
            "first": pair.first,
            "second": pair.second,
            "verdict": str(pair.verdict),
            "interval": interval(pair.interval),
            "sentence": pair_sentence(pair, result, several=len(pairs) > 1, fewest=fewest).whole,
        }
        for pair in pairs
    ]
    decided = sum(one["verdict"] != "undecided" for one in answers)
    found = answers[0]["interval"] if len(answers) == 1 else None
    sentence = " ".join(each.whole for each in verdicts(result))
    document = {**comparison_document(result), "claims": answers}
    return said(f"{decided} of {len(answers)} pairs decided", sentence, document, found)


def check(desk: Desk, arguments: Arguments) -> Answer:
    """Whether a search's result is to be trusted."""
    with desk.study(arguments) as shared:
        facts = gather_facts(shared)
    record = record_of(facts)
    findings = [one(record) for one in CHECKS]
    document = msgspec.json.decode(check_json(record.name, findings, storage_flag(desk.storage)))
    worst = next((one for one in ("problem", "look") if any(each.verdict == one for each in findings)), "ok")
    return said(worst, check_verdict(findings), document)


def schema(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


TOOLS = (
    Tool("plan", "Say what a hyperparameter search would do, without doing it.", schema(SEARCH, "space"), plan),
    Tool(
        "launch",
        "Start a hyperparameter search of Keras image models; it goes on by itself.",
        schema(SEARCH, "space"),
        launch,
        runs=True,
    ),
    Tool("status", "Say how far a study is.", schema(STUDY), status),
    Tool("best", "Give a study's best trial, with what may be claimed of it.", schema(STUDY), best),
    Tool(
        "compare",
        "Give the verdicts of a designed comparison; with a space and an axis, start one.",
        schema({**STUDY, **COMPARISON}),
        compare,
        runs=True,
    ),
    Tool("check", "Say whether a search's result can be trusted, and what to do about it.", schema(STUDY), check),
)
