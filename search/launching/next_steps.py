"""The commands to type after a launch."""

import math
from collections.abc import Mapping
from shlex import quote
from typing import Any

from search.launching.options import LaunchOptions
from search.views.facts import StudyFacts
from search.views.next_commands import command, listed, storage_flag
from spaces.resizing import written_size
from spaces.widening import IMAGE_SIZE
from storage import Manifest


def next_steps(facts: StudyFacts, options: LaunchOptions) -> str:
    """The commands to type next."""
    storage = storage_flag(options.storage)
    study = f"{storage} --study-name {quote(facts.name)}"
    named = "" if options.study_name is None else f" --study-name {quote(options.study_name)}"
    dataset = "" if options.dataset is None else f" --dataset {quote(options.dataset)}"
    launch = f" --space {quote(options.space)}{storage}{named}{dataset}"
    if not facts.done:
        return listed(
            [command("launch", launch, "continues where this ended"), watching(options, storage)], options.storage
        )
    more = math.ceil(facts.counts.total * 1.5 / 10) * 10
    commands = [
        watching(options, storage),
        command("report", study, "writes report.html: figures, all trials, statistical certainty"),
        *exported(facts, study),
        *confirmed(facts, storage),
        *compared(facts, options, f"{storage}{dataset}"),
        command("launch", f"{launch} --n-trials {more}", f"runs more trials, up to {more}"),
    ]
    return listed(commands, options.storage)


def exported(facts: StudyFacts, study: str) -> list[str]:
    """The command to get the best model, unless there is none."""
    if facts.counts.complete == sum(facts.model_problems.values()):
        return []
    return [
        command("export", f"{study} -o model.keras", "writes the best model, with its card and a script that trains it")
    ]


def confirmed(facts: StudyFacts, storage: str) -> list[str]:
    """The command to train the best trials again, unless there is none."""
    if facts.best is None:
        return []
    arguments = f"{storage} --search {quote(facts.name)}"
    return [command("confirm", arguments, "trains the best trials again on fresh seeds and splits")]


def watching(options: LaunchOptions, storage: str) -> str:
    """The command to inspect the trials."""
    plain = f"; so does optuna-dashboard {quote(options.storage)}" if options.storage.startswith("sqlite:") else ""
    return command("dashboard", storage, f"shows every trial with its learning curve in the browser{plain}")


def has_choices(distribution: object) -> bool:
    """Whether a parameter could have had another value, of a list: with one choice there is nothing to compare."""
    return len(getattr(distribution, "choices", ())) > 1


def compared(facts: StudyFacts, options: LaunchOptions, flags: str) -> list[str]:
    """The command to find out whether a choice of the search matters."""
    params = facts.top[0].params if facts.top else {}
    several = {name for name in params if has_choices(facts.top[0].frozen.distributions.get(name))}
    choices = [
        name for name, value in params.items() if isinstance(value, str) and name in several and name != IMAGE_SIZE
    ]
    if not choices:
        return []
    images = image_flags(facts.manifest, params)
    arguments = f" --space {quote(options.space)} --axis {quote(choices[0])}{flags}{images}"
    return [command("compare", arguments, f"says with error bars whether {choices[0]} matters")]


def image_flags(manifest: Manifest, params: Mapping[str, Any]) -> str:
    """The flags with which another study of a space has the images that a trial with these parameters had."""
    own, data_dir = manifest.resizing.size, manifest.data_dir
    size = params[IMAGE_SIZE] if IMAGE_SIZE in params else None if own is None else written_size(own)
    sized = "" if size is None else f" --image-size {size} --resize {manifest.resizing.resize}"
    return f"{sized}{'' if data_dir is None else f' --data-dir {quote(data_dir)}'}"
