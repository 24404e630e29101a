"""A trial's configuration, in words and as JSON."""

from dataclasses import dataclass
from shlex import quote

import msgspec
from optuna.trial import FrozenTrial

from search.commands.chosen_trial import chosen_trial
from search.study.configurations import configuration_of
from search.study.test_score import TestScore, stored_test_score
from search.views.next_commands import command, listed, storage_flag
from search.views.proportion import wilson_interval
from search.views.summary_text import number
from spaces import resolve
from spaces.configuration import Configuration
from spaces.diagram import draw
from storage import Manifest, SharedStudy


@dataclass(frozen=True)
class Described:
    """A completed trial and what it trained; `layers` is None where the space builds a model of its own. `test` is the
    test score, None if it wasn't measured for this trial.
    """

    study_name: str
    manifest: Manifest
    trial: FrozenTrial
    configuration: Configuration
    layers: str | None
    test: TestScore | None

    @property
    def value(self) -> float:
        """The objective's value."""
        return float(self.trial.value or 0.0)


def describe(shared: SharedStudy, which: str) -> Described:
    """The trial, from the study.

    Raises:
        UsageError: there is no such completed trial.
        SpaceError: this machine doesn't have the study's space, or another version of it.
    """
    trial = chosen_trial(shared, which)
    space = resolve(shared.manifest.space).space
    configuration = configuration_of(space, trial.params)
    test = stored_test_score(shared)
    return Described(
        study_name=shared.name,
        manifest=shared.manifest,
        trial=trial,
        configuration=configuration,
        layers=None if space.build is not None else draw(configuration),
        test=test if test is not None and test.trial == trial.number else None,
    )


def as_json(described: Described) -> str:
    """The trial as one JSON document."""
    document = {
        "study_name": described.study_name,
        "number": described.trial.number,
        "objective": described.manifest.objective,
        "value": described.value,
        "params": described.trial.params,
        "epochs": len(described.trial.intermediate_values),
        "configuration": described.configuration,
        "test": described.test,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_text(described: Described, storage: str) -> str:
    """The trial for a terminal, with the next commands."""
    parts = [
        f"Trial {described.trial.number} of {described.study_name}",
        "\n".join(f"  {line}" for line in scores(described)),
        "Parameters\n" + table([(name, number(value)) for name, value in described.trial.params.items()]),
        layers_text(described),
        next_steps(described, storage),
    ]
    return "\n\n".join(part for part in parts if part)


def scores(described: Described) -> list[str]:
    """The scores, each with its interval."""
    manifest = described.manifest
    epochs = len(described.trial.intermediate_values)
    lines = [f"{manifest.objective} {described.value:.4f} after {epochs} epochs{validation_interval(described)}"]
    if described.test is not None:
        low, high = wilson_interval(described.test.accuracy, described.test.n)
        lines.append(
            f"test accuracy {described.test.accuracy:.2%} on {described.test.n} images (95 % interval {low:.1%} to "
            f"{high:.1%}), which neither training nor search saw"
        )
    return lines


def validation_interval(described: Described) -> str:
    """The interval of the validation accuracy; empty for a loss."""
    if described.manifest.objective != "val_accuracy":
        return ""
    low, high = wilson_interval(described.value, described.manifest.n_validation)
    return f", on {described.manifest.n_validation} images (95 % interval {low:.1%} to {high:.1%})"


def table(rows: list[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows) or "  none"


def layers_text(described: Described) -> str:
    """The layers of the model."""
    if described.layers is None:
        return ""
    indented = "\n".join(f"  {line}" for line in described.layers.splitlines())
    return f"Layers\n{indented}"


def next_steps(described: Described, storage: str) -> str:
    """The commands to type next."""
    study = f"{storage_flag(storage)} --study-name {quote(described.study_name)}"
    commands = [
        command(
            "export",
            f"{study} --trial {described.trial.number} -o model.keras",
            "writes the trained model, which Keras opens without this project, with its model card",
        ),
        command("report", f"{study} -o report.html", "shows how sure it is that this one is best"),
    ]
    return listed(commands, storage)
