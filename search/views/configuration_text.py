"""A trial's configuration, in words and as JSON."""

from dataclasses import dataclass
from shlex import quote

import msgspec

from search.study.batch_size import batch_size
from search.study.class_results import ClassResults, stored_class_results
from search.study.configurations import TrialModel, trial_model
from search.study.image_size import trial_image_size
from search.study.race_answer import RaceAnswer, stored_answer
from search.study.test_score import TestScore, look_at, recorded_looks
from search.views.answer_sentences import answer_sentences
from search.views.chosen_trial import chosen_trial
from search.views.classes_table import classes_document, classes_table
from search.views.facts import TrialFacts
from search.views.layout import fitted, layer_lines, table_text, terminal_width, wrapped
from search.views.next_commands import command, listed, storage_flag
from search.views.number import number, plural, score
from search.views.proportion import wilson_interval
from search.views.sentences import against_majority, earlier_looks, metric_words, test_sentence
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from spaces.resizing import ImageSize, in_size
from spaces.space import ImageShape
from storage import Manifest, SharedStudy


@dataclass(frozen=True)
class Described:
    """A completed trial and what it trained: `model` is None if an earlier release didn't store it and it can't be
    recomputed; `unknown` then says why. `test` is the test score, None if it wasn't measured for this trial; `looks`
    are all at the study's test images, and `answer` is what a race of its best trials found, None without one.
    `finished` is how many of the study's trials are.
    `class_results` is what its model takes the validation images of each class for, None if that wasn't measured.
    """

    study_name: str
    manifest: Manifest
    trial: TrialFacts
    model: TrialModel | None
    unknown: str
    test: TestScore | None
    looks: tuple[TestScore, ...] = ()
    answer: RaceAnswer | None = None
    finished: int = 0
    class_results: ClassResults | None = None

    @property
    def value(self) -> float:
        """The objective's value."""
        return float(self.trial.value or 0.0)

    @property
    def configuration(self) -> Configuration:
        """What it trained.

        Raises:
            SpaceError: that isn't known any more; says why.
        """
        if self.model is None:
            raise SpaceError(self.unknown)
        return self.model.configuration

    @property
    def batch_size(self) -> int:
        """The images of a step; raises SpaceError as `configuration` does."""
        return batch_size(self.manifest, self.configuration)

    @property
    def image_size(self) -> ImageSize | None:
        """The size of its images, None for the study's."""
        return trial_image_size(self.trial.frozen.user_attrs)

    @property
    def image_shape(self) -> ImageShape:
        """(height, width, channels) of its images."""
        return in_size(self.manifest.image_shape, self.image_size)

    @property
    def layers(self) -> str | None:
        """A drawing of the layers; None if the space builds its own models, or they aren't known."""
        return None if self.model is None else self.model.layers


def described_trial(shared: SharedStudy, which: str) -> Described:
    """The trial, from the study.

    Raises:
        UsageError: there is no such completed trial.
    """
    trial = chosen_trial(shared, which)
    model, unknown = None, ""
    try:
        model = trial_model(shared.manifest, trial.frozen)
    except SpaceError as error:
        unknown = str(error)
    looks = recorded_looks(shared)
    return Described(
        study_name=shared.name,
        manifest=shared.manifest,
        trial=trial,
        model=model,
        unknown=unknown,
        test=look_at(looks, trial.number),
        looks=looks,
        answer=stored_answer(shared),
        finished=shared.ledger.counts().finished,
        class_results=stored_class_results(shared, trial.number),
    )


def trial_json(described: Described) -> str:
    """The trial as one JSON document."""
    document = {
        "study_name": described.study_name,
        "number": described.trial.number,
        "objective": described.manifest.objective,
        "value": described.value,
        "metrics": described.trial.metrics,
        "params": dict(described.trial.params),
        "epochs": described.trial.epochs,
        "configuration": None if described.model is None else described.configuration,
        "test": described.test,
        "test_looks": described.looks,
        "classes": classes_document(described.class_results, described.manifest.classes),
        "answer": described.answer,
        "trials_since_answer": None if described.answer is None else described.answer.trials_since(described.finished),
        "model_problem": described.trial.model_problem,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def trial_text(described: Described, storage: str) -> str:
    """The trial for a terminal, with the next commands."""
    parts = [
        f"Trial {described.trial.number} of {described.study_name}",
        "\n".join(line for text in scores(described) for line in wrapped(text, terminal_width(), "  ", " " * 6)),
        "Parameters\n" + parameters_text([(name, number(value)) for name, value in described.trial.params.items()]),
        classes_text(described),
        layers_text(described),
        answer_text(described),
        next_steps(described, storage),
    ]
    return "\n\n".join(part for part in parts if part)


def answer_text(described: Described) -> str:
    """What a race of the study's best trials found, "" without one."""
    if described.answer is None:
        return ""
    said = answer_sentences(described.answer, described.manifest.goal, described.finished)
    return "Answer\n" + "\n".join(line for text in said for line in wrapped(text, terminal_width(), "  ", " " * 6))


def scores(described: Described) -> list[str]:
    """The scores, each with its interval."""
    manifest = described.manifest
    epochs = plural(described.trial.epochs, "epoch")
    lines = [f"{manifest.objective} {score(described.value)} after {epochs}{validation_interval(described)}"]
    lines += [f"{metric_words(name, manifest)}: {score(value)}" for name, value in described.trial.metrics.items()]
    if described.test is not None:
        test = test_sentence(described.test, f"Trial {described.trial.number}", manifest)
        lines += [line for line in (test, earlier_looks(described.looks, described.test)) if line]
    if (problem := described.trial.model_problem) is not None:
        lines.append(f"not to be exported: {problem}")
    return lines


def classes_text(described: Described) -> str:
    """Recall and confusion matrix, "" if they weren't measured."""
    found = described.class_results
    return "" if found is None else table_text(classes_table(found, described.manifest.classes)).rstrip()


def validation_interval(described: Described) -> str:
    """The interval of the validation accuracy; empty for a loss."""
    if not described.manifest.goal.is_share:
        return ""
    low, high = wilson_interval(described.value, described.manifest.n_scored)
    majority = against_majority(described.manifest, "validation")
    return f", on {described.manifest.n_scored} images (95 % interval {low:.1%} to {high:.1%}){majority}"


def parameters_text(rows: list[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    margin = " " * (width + 4)
    lines = [
        line for name, value in rows for line in wrapped(f"  {name:<{width}}  {value}", terminal_width(), "", margin)
    ]
    return "\n".join(lines) or "  none"


def layers_text(described: Described) -> str:
    """The layers of the model."""
    if described.model is None:
        return fitted(f"{described.unknown[0].upper()}{described.unknown[1:]}.")
    if described.layers is None:
        return ""
    rows = described.layers.splitlines()
    return "\n".join(["Layers", *(line for row in rows for line in layer_lines(row, terminal_width(), "  "))])


def next_steps(described: Described, storage: str) -> str:
    """The commands to type next."""
    study = f"{storage_flag(storage)} --study-name {quote(described.study_name)}"
    export = command(
        "export",
        f"{study} --trial {described.trial.number} -o model.keras",
        "writes the trained model, which Keras opens without this project, with its model card",
    )
    commands = [
        *([export] if described.trial.model_problem is None else []),
        command("report", f"{study} -o report.html", "shows how sure it is that this one is best"),
    ]
    return listed(commands, storage)
