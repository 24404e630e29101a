"""Sentences about a search, one per fact, for all output. None claims more than its data supports."""

from collections.abc import Mapping
from typing import Any

from search.study.test_score import TestScore, earlier_words
from search.views.answer_sentences import answer_sentences
from search.views.facts import StudyFacts, TrialFacts
from search.views.majority import PartName, majority_words
from search.views.number import number, plural, score
from search.views.proportion import wilson_interval
from spaces.metrics import DEFAULT_METRIC, METRICS, MetricName
from spaces.resizing import written_size
from spaces.selection import smoothed_epochs
from storage import Manifest


def headline(facts: StudyFacts) -> str:
    """What has ended the search, and how far the study is."""
    return f"{ending_words(facts)}{progress_words(facts)}"


def ending_words(facts: StudyFacts) -> str:
    """What has ended the search early, as a sentence with a space after it; "" if nothing has."""
    ended = facts.snapshot.ended
    if ended is not None:
        return f"The search ended after {ended.finished} of {plural(ended.ordered, 'trial')}: {ended.words}. "
    return ""


def progress_words(facts: StudyFacts) -> str:
    """How many trials are finished, by state."""
    counts = facts.counts
    if counts.total == 0:
        return "No trial has been ordered yet."
    states = ", ".join(f"{n} {state}" for state, n in counts.by_state().items() if n)
    if facts.done:
        every = f"All {counts.total} trials" if counts.total > 1 else "The only trial"
        return f"{every} of {facts.name} {'are' if counts.total > 1 else 'is'} finished: {states}."
    return f"{counts.finished} of {plural(counts.total, 'trial')} of {facts.name} are finished: {states}."


def best_sentence(facts: StudyFacts, best: TrialFacts) -> str:
    """Which trial is the best, with which score and parameters."""
    return (
        f"Trial {best.number} is the best of {plural(len(facts.ranked), 'completed trial')}: "
        f"{facts.manifest.goal.label} {score(best.value or 0.0)}{metrics_words(best)} after "
        f"{plural(best.epochs, 'epoch')}, "
        f"with {parameters(best.params)}."
    )


def metrics_words(trial: TrialFacts) -> str:
    """The metrics that the study reports, of a trial, to follow its objective in brackets; "" without any."""
    words = ", ".join(f"{METRICS[name].label} {score(value)}" for name, value in trial.metrics.items())
    return f" ({words})" if words else ""


def reported(manifest: Manifest) -> str:
    """Of the metrics that a study reports, which direction is better, and what guessing gives; "" without any."""
    words = "; ".join(metric_words(name, manifest) for name in manifest.report_metrics)
    return f"Reported next to {manifest.objective}: {words}." if words else ""


def metric_words(name: MetricName, manifest: Manifest) -> str:
    """Which direction of a metric is better, and what guessing gives."""
    metric = METRICS[name]
    better = "higher" if metric.direction == "maximize" else "lower"
    return f"{name} ({better} is better, a guess gives {score(metric.guess(len(manifest.classes)))})"


def parameters(params: Mapping[str, Any]) -> str:
    """A trial's parameters in one line."""
    return ", ".join(f"{name} {number(value)}" for name, value in params.items()) or "no parameters"


def test_sentence(test: TestScore, whose: str, manifest: Manifest) -> str:
    """The test score of a trial or an arm, with its 95 % interval, and what naming the most frequent class gives."""
    low, high = wilson_interval(test.accuracy, test.n)
    return (
        f"{whose} has a test accuracy of {test.accuracy:.2%} (95 % interval {low:.1%} to {high:.1%}), {test.words}, on "
        f"{plural(test.n, 'image')} that neither training nor search saw{against_majority(manifest, 'test')}."
        f"{test_metrics(test)}"
    )


def test_metrics(test: TestScore) -> str:
    """The other metrics on the test images, as a sentence with a space before it; "" without any."""
    listed = [
        f"{test_label(name)} {score(found.value)} ({score(found.low)} to {score(found.high)})"
        for name, found in test.metrics.items()
    ]
    return f" On these images: {', '.join(listed)}, each with its 95 % bootstrap interval." if listed else ""


def test_label(name: MetricName) -> str:
    """What a metric of the validation images is called on the test images."""
    return METRICS[name].label.replace("validation ", "")


def earlier_looks(looks: tuple[TestScore, ...], test: TestScore) -> str:
    """The looks at the test images before the one that is shown, "" if there were none."""
    words = earlier_words(looks, test)
    return f"{words} The more looks, the more the best of them flatters." if words else ""


def tested(facts: StudyFacts) -> str:
    """The test score of a search's best, with the looks before it; "" without one, or where the answer says it."""
    test, best = facts.test, facts.best
    if test is None or tested_by_answer(facts):
        return ""
    if test.study:
        whose = f"Trial {test.trial}, trained again,"
    else:
        earlier = "" if best is None or test.trial == best.number else ", the best when that was measured,"
        whose = f"Trial {test.trial}{earlier}"
    return with_earlier_looks(test, whose, facts)


def tested_by_answer(facts: StudyFacts) -> bool:
    """Whether the test score that counts is that of the model which the answer recommends."""
    return facts.answer is not None and facts.test is not None and facts.test.study == facts.answer.study_name


def with_earlier_looks(test: TestScore, whose: str, facts: StudyFacts) -> str:
    """A test score, with the looks before it."""
    sentence = test_sentence(test, whose, facts.manifest)
    return " ".join(part for part in (sentence, earlier_looks(facts.looks, test)) if part)


def answered(facts: StudyFacts) -> tuple[str, ...]:
    """What a race of the best trials found, with the test score of what it recommends; empty without one."""
    if facts.answer is None:
        return ()
    test = with_earlier_looks(facts.test, "Its best model", facts) if facts.test and tested_by_answer(facts) else None
    return answer_sentences(facts.answer, facts.manifest.goal, facts.counts.finished, test=test)


def against_majority(manifest: Manifest, part: PartName) -> str:
    """The majority's share on these images, to follow an accuracy; "" if it isn't known."""
    words = majority_words(manifest, part)
    return f"; {words}" if words else ""


def validation_majority(manifest: Manifest) -> str:
    """The majority's share on the validation images; "" if it isn't known, or no accuracy is shown."""
    shown = manifest.goal.is_share or DEFAULT_METRIC in manifest.report_metrics
    words = majority_words(manifest, "validation") if shown else ""
    return f"On the validation images, {words}." if words else ""


def baselines(facts: StudyFacts) -> tuple[str, ...]:
    """The baselines' scores, and how the best trial compares with the best of them; empty without baselines."""
    if not facts.baselines:
        return ()
    reached = ", ".join(
        f"{trial.baseline} {score(trial.value) if trial.complete and trial.value is not None else 'not complete'}"
        for trial in facts.baselines
    )
    known, best = facts.best_baseline, facts.best
    listed = f"Baselines (*): {reached}."
    return (listed,) if known is None or best is None else (listed, against(best, known))


def against(best: TrialFacts, known: TrialFacts) -> str:
    """How the best trial compares with the best baseline."""
    if best.number == known.number:
        return f"No trial was better than the best of them, {known.baseline}."
    gap = (best.value or 0.0) - (known.value or 0.0)
    distance = f"{score(abs(gap))} {'above' if gap > 0 else 'below'}" if gap else "level with"
    return (
        f"The best trial, {best.number}, is {distance} the best of them, {known.baseline}: single runs, one the best "
        "of many, so a hint for a comparison, not proof."
    )


def images_of(manifest: Manifest) -> str:
    """Which images a study trains on, and how many for what."""
    height, width, channels = manifest.image_shape
    return (
        f"{manifest.dataset}: {manifest.n_train} for training, {manifest.n_validation} for validation, "
        f"{manifest.n_test} for the final test; {height}x{width}x{channels}{in_sizes(manifest)}, "
        f"{len(manifest.classes)} classes"
    )


def in_sizes(manifest: Manifest) -> str:
    """The sizes of images that a study searches, "" if it has one."""
    if not manifest.image_sizes:
        return ""
    return f" (image sizes {', '.join(map(written_size, manifest.image_sizes))})"


def in_batches(manifest: Manifest) -> str:
    """The images of a step, several if the study searches for that number: batch size 64; batch sizes 32, 64, 128."""
    if not manifest.batch_sizes:
        return f"batch size {manifest.batch_size}"
    return f"batch sizes {', '.join(map(str, manifest.batch_sizes))}"


def in_class_weights(manifest: Manifest) -> str:
    """How much images count in the training loss, "" if all count the same."""
    if manifest.class_weights:
        return f", class weights {', '.join(manifest.class_weights)}"
    return "" if manifest.class_weight == "none" else f", class weight {manifest.class_weight}"


def in_selection(manifest: Manifest) -> str:
    """By which value trials of all epochs are ranked, "" if that is the last epoch's."""
    count = smoothed_epochs(manifest.epochs_per_trial)
    return "" if manifest.select == "last" or count == 1 else f", ranked by the mean of the last {count} epochs"


def in_precision(manifest: Manifest) -> str:
    """What models compute in, "" if that is as usual."""
    return "" if manifest.precision == "float32" else f" in {manifest.precision}"
