"""What goes with an exported ensemble: the configurations of its models, and its card."""

from dataclasses import dataclass

from search.exporting.paths import nameless, without_folders
from search.exporting.rendering import render
from search.exporting.texts import SavedModel, accuracy_row, document_text, model_document
from search.study.test_score import TestScore
from search.views.configuration_text import Described
from search.views.markdown import escaped
from search.views.number import number
from storage import Manifest


@dataclass(frozen=True)
class Paired:
    """The looks at the test images with the best model alone and with the ensemble. The ensemble is right on `gained`
    images on which the best alone is wrong, and wrong on `lost` on which that is right; `p` is that of the exact test
    of whether they are equally many (McNemar).
    """

    best: TestScore
    ensemble: TestScore
    gained: int
    lost: int
    p: float

    @property
    def sentence(self) -> str:
        """What may be said of the two."""
        told = "more than chance would explain" if self.p < 0.05 else "which can't be told from chance"
        return (
            f"{self.ensemble.accuracy:.2%} of the {self.ensemble.n} test images, with trial {self.best.trial} alone "
            f"{self.best.accuracy:.2%}: right on {self.gained} that it gets wrong, wrong on {self.lost} that it gets "
            f"right, {told} (p = {self.p:.2g}); the {self.best.words} and the {self.ensemble.words} at them"
        )


@dataclass(frozen=True, kw_only=True)
class Ensemble(SavedModel):
    """An exported ensemble: its trials, best first, and what else its texts need to know of it."""

    members: tuple[Described, ...]
    manifest: Manifest
    study_name: str
    paired: Paired | None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its trials."""
        return tuple(member.trial.number for member in self.members)


def ensemble_json(ensemble: Ensemble) -> str:
    """Everything about it as one JSON document, with the names that a single model's has."""
    manifest, paired = ensemble.manifest, ensemble.paired
    document = {
        "study_name": ensemble.study_name,
        "ensemble": [member_document(member) for member in ensemble.members],
        "objective": manifest.objective,
        "test_accuracy": None if paired is None else paired.ensemble.accuracy,
        "test_look": None if paired is None else paired.ensemble,
        "best_alone": paired,
        **model_document(ensemble, ensemble.members[0].image_shape, manifest),
    }
    return document_text(document)


def member_document(member: Described) -> dict[str, object]:
    """One of its models."""
    return {
        "trial": member.trial.number,
        "value": member.value,
        "params": member.trial.params,
        "configuration": None if member.model is None else member.configuration,
    }


def ensemble_card(ensemble: Ensemble) -> str:
    """The model card, as Markdown."""
    manifest, paired = ensemble.manifest, ensemble.paired
    rows = [] if paired is None else [scores_row("the ensemble", paired.ensemble)]
    rows += [] if paired is None else [scores_row(f"trial {paired.best.trial} alone", paired.best)]
    return render(
        "ensemble.md",
        title=escaped(f"Ensemble of {len(ensemble.members)} models of the study {ensemble.study_name}"),
        name=ensemble.name,
        classes=[escaped(name) for name in manifest.classes],
        image_shape=ensemble.members[0].image_shape,
        lowest=f"{ensemble.lowest:g}",
        highest=f"{ensemble.highest:g}",
        pixel_max=f"{ensemble.pixel_max:g}",
        objective=manifest.objective,
        members=[(one.trial.number, f"{one.value:.4f}", escaped(settings(one))) for one in ensemble.members],
        scores=rows,
        sentence="" if paired is None else f"{paired.sentence[0].upper()}{paired.sentence[1:]}.",
        data=nameless(manifest.dataset),
        fingerprint=manifest.dataset_fingerprint,
        parameters=f"{ensemble.parameters:,}",
        command=without_folders(manifest.command) or "python -m search.launch",
    )


def scores_row(what: str, look: TestScore) -> tuple[str, str, str, str]:
    """Which model, its score, its interval and the number of images."""
    _, *rest = accuracy_row(what, look.accuracy, look.n)
    score, interval, n = rest
    return f"{what} ({look.words})", score, interval, n


def settings(member: Described) -> str:
    """A trial's parameters in a line."""
    return ", ".join(f"{name} {number(value)}" for name, value in member.trial.params.items())
