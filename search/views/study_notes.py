"""The notes of a study and of its best trial: what is searched, and what was found."""

import shlex
from collections.abc import Mapping

from search.views.notes import write_note
from search.views.summary import Summary
from search.views.summary_text import number
from spaces.space import Space
from storage import Manifest, SharedStudy


def study_note(name: str, manifest: Manifest, space: Space, n_trials: int) -> str:
    """What a study is about: the question, the space, the images, known answers, and commands to type."""
    height, width, channels = manifest.image_shape
    facts = {
        "space": f"{space.name}, version {manifest.space_version}",
        "images": f"{manifest.dataset}: {manifest.n_train} for training, {manifest.n_validation} for validation, "
        f"{manifest.n_test} for the final test; {height}x{width}x{channels}, {len(manifest.classes)} classes",
        "trials": f"{n_trials} of up to {manifest.epochs} epochs, batches of {manifest.batch_size}, "
        f"in {manifest.precision}",
        "looked for": f"the {'highest' if manifest.goal.maximize else 'lowest'} {manifest.objective}",
        "sampler, pruner": f"{manifest.sampler}, {manifest.pruner}, seed {manifest.seed}",
        "made": f"{manifest.created_at} with {', '.join(f'{key} {value}' for key, value in manifest.versions.items())}",
    }
    return "\n\n".join(
        part
        for part in (f"# {space.question}", space.description, table(facts), baselines(space), commands(name, manifest))
        if part
    )


def table(facts: Mapping[str, str]) -> str:
    """A table of two columns."""
    return "\n".join(["| | |", "| --- | --- |", *(f"| {cell(key)} | {cell(value)} |" for key, value in facts.items())])


def cell(text: str) -> str:
    """Text that can't end its cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def baselines(space: Space) -> str:
    """The known answers of a space, "" if it has none."""
    if not space.baselines:
        return ""
    lines = [
        f"- **{one.name}**: {one.note}{': ' if one.note else ''}"
        f"{', '.join(f'{key} {value}' for key, value in one.params.items())}"
        for one in space.baselines
    ]
    return "\n".join(["## Known answers", "", *lines])


def commands(name: str, manifest: Manifest) -> str:
    """What made the study, and what goes on with it."""
    study = shlex.quote(name)
    lines = [
        *([f"{manifest.command}    # made it"] if manifest.command else []),
        f"python -m search.worker --study-name {study}    # joins it, from any host",
        f"python -m search.stop --study-name {study}    # drains it",
        f"python -m search.report --study-name {study}    # says on one page what was found",
        f"python -m search.export --study-name {study}    # writes the best model",
    ]
    return "\n".join(["## Commands", "", "```sh", *lines, "```"])


def result_note(summary: Summary) -> str:
    """What a search found, for the end of the study's note; "" while no trial is complete."""
    best, counts = summary.best, summary.counts
    if best is None:
        return ""
    parameters = ", ".join(f"{key} {number(value)}" for key, value in best.params.items())
    tested = "" if summary.test is None else f" {test_words(summary)}"
    return (
        f"## Result after {counts.finished} of {counts.total} trials\n\n"
        f"Trial {best.number} is the best: {summary.manifest.objective} {best.value:.4f} with {parameters}.{tested}\n\n"
        f"{counts.complete} trials are complete, {counts.pruned} were pruned, {counts.diverged} diverged, "
        f"{counts.failed} failed."
    )


def test_words(summary: Summary) -> str:
    """The test score in a sentence, "" if there is none."""
    test = summary.test
    if test is None:
        return ""
    return f"On {test.n} test images ({test.words}), the accuracy of trial {test.trial} is {test.accuracy:.4f}."


def best_note(summary: Summary) -> str:
    """Why a trial has a note: it was the best of the study."""
    return (
        f"**The best of {summary.counts.finished} trials**, by {summary.manifest.objective}. {test_words(summary)} "
        "Its model, curves, layers and configuration are artifacts below."
    )


def note_study(shared: SharedStudy, space: Space, n_trials: int, summary: Summary | None = None) -> None:
    """Writes the study's note, with what was found if there is a summary, which gives the best trial a note, too."""
    found = "" if summary is None else result_note(summary)
    about = study_note(shared.name, shared.manifest, space, n_trials)
    write_note(shared, f"{about}\n\n{found}".strip())
    if summary is not None and summary.best is not None:
        write_note(shared, best_note(summary), summary.best.number)
