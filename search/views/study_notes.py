"""The notes of a study and of its best trial: the search and its findings."""

import shlex

from search.study.batch_size import stored_batch_sizes
from search.views import sentences
from search.views.classes_table import classes_table
from search.views.facts import StudyFacts, TrialFacts
from search.views.markdown import escaped, markdown_table, titled_table
from search.views.notes import write_note
from spaces.space import Space
from storage import Manifest, SharedStudy

KEPT = "Its model, curves, layers and configuration are artifacts below."


def study_note(name: str, manifest: Manifest, space: Space, n_trials: int) -> str:
    """The study's note: the question, the space, the images, known results, and commands to type."""
    batches = ", ".join(map(str, stored_batch_sizes(manifest)))
    rows = {
        "space": f"{space.name}, version {manifest.space_version}",
        "images": sentences.images_of(manifest),
        "trials": f"{n_trials} of up to {manifest.epochs} epochs, batches of {batches}, in {manifest.precision}"
        f"{sentences.in_class_weights(manifest)}",
        "looked for": f"the {'highest' if manifest.goal.maximize else 'lowest'} {manifest.goal.label}"
        f"{sentences.in_selection(manifest)}",
        "sampler, pruner": f"{manifest.sampler}, {manifest.pruner}, seed {manifest.seed}",
        "made": f"{manifest.created_at} with {', '.join(f'{key} {value}' for key, value in manifest.versions.items())}",
    }
    table = markdown_table(("", ""), rows.items())
    parts = (f"# {space.question}", space.description, table, baselines(space), commands(name, manifest))
    return "\n\n".join(part for part in parts if part)


def baselines(space: Space) -> str:
    """The known results of a space, "" if it has none."""
    if not space.baselines:
        return ""
    lines = [
        f"- **{one.name}**: {one.note}{': ' if one.note else ''}"
        f"{', '.join(f'{key} {value}' for key, value in one.params.items())}"
        for one in space.baselines
    ]
    return "\n".join(["## Known results", "", *lines])


def commands(name: str, manifest: Manifest) -> str:
    """The commands that created the study and continue it."""
    study = shlex.quote(name)
    lines = [
        *([f"{manifest.command}    # made it"] if manifest.command else []),
        f"python -m search.worker --study-name {study}    # joins it, from any host",
        f"python -m search.stop --study-name {study}    # drains it",
        f"python -m search.report --study-name {study}    # says on one page what was found",
        f"python -m search.export --study-name {study}    # writes the best model",
    ]
    return "\n".join(["## Commands", "", "```sh", *lines, "```"])


def result_note(facts: StudyFacts) -> str:
    """The findings of a search, for the end of the study's note; "" while no trial is complete."""
    best = facts.best
    if best is None:
        return ""
    lines = (
        sentences.headline(facts),
        sentences.best_sentence(facts, best),
        sentences.validation_majority(facts.manifest),
        sentences.reported(facts.manifest),
        sentences.tested(facts),
        *sentences.answered(facts),
    )
    return "\n\n".join(["## Result", *(escaped(line) for line in lines if line), *class_tables(facts)])


def class_tables(facts: StudyFacts) -> tuple[str, ...]:
    """Recall and confusion matrix of the best trial's model, if they were measured."""
    found = facts.class_results
    return () if found is None else (titled_table(classes_table(found, facts.manifest.classes)),)


def best_note(facts: StudyFacts, best: TrialFacts) -> str:
    """Why a trial has a note: it was the best of the study."""
    lines = (sentences.best_sentence(facts, best), sentences.tested(facts), KEPT)
    sentence = " ".join(escaped(line) for line in lines if line)
    return "\n\n".join((sentence, *class_tables(facts)))


def note_study(shared: SharedStudy, space: Space, n_trials: int, facts: StudyFacts | None = None) -> None:
    """Writes the study's note, with what was found if that is known, which gives the best trial a note, too."""
    about = study_note(shared.name, shared.manifest, space, n_trials)
    write_note(shared, f"{about}\n\n{'' if facts is None else result_note(facts)}".strip())
    if facts is not None and facts.best is not None:
        write_note(shared, best_note(facts, facts.best), facts.best.number)
