"""The tables of a comparison, as rows of texts: for the terminal and for Markdown alike."""

from search.design.ablation_tables import ablation_headline, ablation_remarks
from search.design.cell_text import NOTHING, p_value, points, points_span, score, span
from search.design.extending import total_level
from search.design.noise_tables import noise_headline, noise_remarks
from search.design.options import POINT
from search.design.race_tables import race_headline, race_remarks
from search.design.result import ComparisonResult
from search.design.screening_tables import screening_headline, screening_remarks
from search.statistics import ArmSummary, ConfidenceInterval, PairAnswer, Verdict
from search.statistics.planning import POWER
from search.statistics.wording import replicates_range, rule_of_three, why_undecided
from search.views.layout import TextTable
from search.views.majority import majority_words
from search.views.number import plural
from search.views.sentences import in_batches, in_class_weights, in_precision, test_sentence
from storage import Manifest
from storage.comparison import ArmDesign

MOST_SENTENCES = 3


def arms_table(result: ComparisonResult) -> TextTable:
    """Each arm: n, mean, standard deviation, interval, means of other metrics, and what went wrong."""
    metrics = result.manifest.report_metrics
    counts = {arm.name: [0, 0] for arm in result.scores.arms}
    for failure in result.scores.diverged:
        counts[failure.arm][0] += 1
    for failure in result.scores.failed:
        counts[failure.arm][1] += 1
    return TextTable(
        "Arms",
        ("arm", "n", result.manifest.objective, "sd", "95 % interval", *metrics, "diverged", "failed"),
        tuple(
            (
                arm.name,
                str(arm.n),
                score(arm.mean),
                score(arm.deviation),
                span(arm.interval),
                *reported_cells(result, number),
                *map(str, counts[arm.name]),
            )
            for number, arm in enumerate(result.summaries)
        ),
    )


def reported_cells(result: ComparisonResult, arm: int) -> tuple[str, ...]:
    """An arm's means of the metrics that the comparison reports."""
    means = result.reported[arm] if result.reported else {}
    return tuple(score(means[name].value if name in means else None) for name in result.manifest.report_metrics)


def pairs_table(result: ComparisonResult) -> TextTable:
    """Each pair: its difference in points, its intervals, its p-value, and the verdict."""
    pairs = result.answer.pairs if result.answer else ()
    return TextTable(
        f"Pairs: first minus second, in points; margin {result.comparison.margin / POINT:g}",
        ("first", "second", "n", "mean", "95 % interval", "BCa", "new data", "p (Holm)", "first is"),
        tuple(pair_row(pair) for pair in pairs),
    )


def pair_row(pair: PairAnswer) -> tuple[str, ...]:
    """One pair's cells."""
    return (
        pair.first,
        pair.second,
        str(pair.n),
        points(pair.difference),
        points_span(pair.interval),
        points_span(pair.bootstrap),
        points_span(pair.new_data),
        p_value(pair.p_corrected),
        verdict(pair),
    )


def verdict(pair: PairAnswer) -> str:
    """The verdict on a pair, and how many replicates would probably decide one that is undecided."""
    estimate = pair.estimate
    if estimate is None:
        return str(pair.verdict)
    return f"{pair.verdict}, {replicates_range(estimate)}"


def scores_table(result: ComparisonResult) -> TextTable:
    """Every score that counts, by replicate."""
    arms = result.scores.arms
    replicates = sorted({replicate for arm in arms for replicate in arm.scores})
    return TextTable(
        "Scores by replicate",
        ("replicate", *(arm.name for arm in arms)),
        tuple((str(replicate), *(score(arm.scores.get(replicate)) for arm in arms)) for replicate in replicates),
    )


def published_table(result: ComparisonResult) -> TextTable | None:
    """The published scores of the arms next to those here, None if none were published."""
    arms = result.comparison.arms
    metrics = tuple(dict.fromkeys(metric for arm in arms for metric in arm.published))
    if not metrics:
        return None
    return TextTable(
        "Published, one run each, next to the means here after the last epoch",
        ("arm", *(f"published {metric}" for metric in metrics), "val_accuracy here", "accuracy here"),
        tuple(published_row(result, number, arm, metrics) for number, arm in enumerate(arms)),
    )


def published_row(result: ComparisonResult, number: int, arm: ArmDesign, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """One arm's cells."""
    validated, trained = (result.curves[number].last(metric) for metric in ("val_accuracy", "accuracy"))
    return (
        arm.name,
        *(score(arm.published.get(metric)) for metric in metrics),
        NOTHING
        if validated is None
        else f"{score(validated.mean)} ({score(validated.low)} to {score(validated.high)})",
        score(trained.mean if trained else None),
    )


def selected_table(result: ComparisonResult) -> TextTable | None:
    """For trials of a search, the score by which each was selected, next to its score on fresh seeds; None if
    none was selected.
    """
    arms = result.comparison.arms
    if all(arm.selected is None for arm in arms):
        return None
    return TextTable(
        f"Selected by a search, once, and confirmed here on fresh seeds: {result.manifest.objective}",
        ("arm", "selected", "confirmed", "selected - confirmed, points", "95 % interval"),
        tuple(selected_row(arm, summary) for arm, summary in zip(arms, result.summaries, strict=True)),
    )


def selected_row(arm: ArmDesign, summary: ArmSummary) -> tuple[str, ...]:
    """One arm's cells. The interval is that of the confirmed mean, turned round."""
    if arm.selected is None or summary.mean is None:
        return (arm.name, score(arm.selected), score(summary.mean), NOTHING, NOTHING)
    found = summary.interval
    turned = found and ConfidenceInterval(arm.selected - found.high, arm.selected - found.low, found.confidence)
    return (
        arm.name,
        score(arm.selected),
        score(summary.mean),
        points(arm.selected - summary.mean),
        points_span(turned),
    )


def remarks(result: ComparisonResult) -> tuple[str, ...]:
    """Notes on the tables: what is missing, what is undecided and why."""
    return (
        *open_remarks(result),
        *added_remarks(result),
        *failure_remarks(result),
        *undecided_remarks(result),
        *scope_remarks(result),
        *test_remarks(result),
    )


def scope_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """What the intervals and verdicts are about."""
    if result.screened is not None:
        return screening_remarks(result.screened)
    if result.ablated is not None:
        return ablation_remarks(result.ablated)
    if result.comparison.kind == "noise":
        return noise_remarks(result)
    if result.race is not None:
        return (*race_remarks(result), *divergence_remarks(result))
    answer = result.answer
    if answer is None:
        return ()
    several = len(answer.pairs) > 1
    single = "Each is of its pair by itself; p and the verdicts are corrected for all pairs. " if several else ""
    when = " and hold whenever one looks" if result.comparison.anytime else ""
    return (
        f"The 95 % intervals{when} are about these images, with other splits and seeds. {single}Under new data: what "
        "to expect of other images of this kind and number (Nadeau and Bengio's correction).",
        *divergence_remarks(result),
    )


def divergence_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """How often runs may diverge, where none did: the verdicts can't know of it."""
    rates = [rate for arm in result.summaries if (rate := unseen_divergence(result, arm.name)) is not None]
    if not rates:
        return ()
    arms = "no run" if len(rates) == len(result.summaries) else "in some arms no run"
    return (
        f"The verdicts are about runs that don't diverge: {arms} did, which doesn't exclude that up to "
        f"{max(rates):.0%} of an arm's runs would (3/n).",
    )


def unseen_divergence(result: ComparisonResult, arm: str) -> float | None:
    """The rate of divergence that the arm's runs don't exclude; None if it has none, or some diverged."""
    runs = next(one.n for one in result.summaries if one.name == arm)
    seen = any(failure.arm == arm for failure in result.scores.diverged)
    return None if seen or not runs else rule_of_three(runs)


def test_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """The test score of a confirmation."""
    if result.test is None or result.raced is not None:  # a race says it among its sentences
        return ()
    return (test_sentence(result.test.score, f"The best model of {result.test.arm}", result.manifest),)


def added_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """What it means that replicates were added after a look."""
    if not result.look.added:
        return ()
    before = [look.replicates for look in result.comparison.looks if look.replicates < result.look.replicates]
    total = total_level(result.comparison, result.look)
    return (
        f"It had been looked at after {' and '.join(map(str, before))} replicates when more were asked for: over all "
        f"looks, a wrong verdict has a probability of at most {total:.2%}.",
    )


def open_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """What hasn't been done."""
    if result.scores.complete:
        return ()
    why = f" (it was stopped: {result.stop_reason})" if result.stop_reason else ""
    return (f"{result.scores.open} trials aren't done yet{why}: the same command continues them.",)


def failure_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """What diverged or failed, and how it counts."""
    return (
        *(
            f"{one.arm}, replicate {one.replicate} diverged and counts as guessing: {one.reason}."
            for one in result.scores.diverged
        ),
        *(
            f"{one.arm}, replicate {one.replicate} failed and is left out of the arm's pairs; if that has to do with "
            f"the arm, its mean flatters it: {one.reason}."
            for one in result.scores.failed
        ),
    )


def undecided_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """What would decide what is undecided."""
    answer = result.answer
    if result.screened is not None or result.race is not None or result.ablated is not None:
        return ()
    if answer is None:
        few = "There is nothing to compare yet: it takes two arms with two common replicates."
        return (few,) if len(result.comparison.arms) > 1 else ()
    undecided = [pair for pair in answer.pairs if pair.verdict is Verdict.UNDECIDED]
    if len(undecided) > MOST_SENTENCES:
        return (
            f"undecided, a to b: about that many replicates would decide the pair with a chance of {POWER:.0%}, if its "
            "difference and spread are about as they were here.",
        )
    return tuple(
        f"{pair.first} and {pair.second} are undecided: {why_undecided(pair, answer.fewest)}." for pair in undecided
    )


def comparison_headline(result: ComparisonResult) -> str:
    """How much is decided, in one sentence."""
    if result.screened is not None:
        return screening_headline(result, result.screened)
    if result.ablated is not None:
        return ablation_headline(result, result.ablated)
    if result.comparison.kind == "noise":
        return noise_headline(result)
    if result.comparison.kind == "race":
        return race_headline(result)
    pairs = result.answer.pairs if result.answer else ()
    decided = sum(pair.verdict is not Verdict.UNDECIDED for pair in pairs)
    level = level_words(result)
    state = "complete" if result.scores.complete else "not complete"
    return (
        f"The comparison {result.study_name} is {state}: {len(result.comparison.arms)} arms, "
        f"{result.look.replicates} replicates; {decided} of {len(pairs)} pairs are decided{level}."
    )


def level_words(result: ComparisonResult) -> str:
    """At which level it was judged, where there are several looks."""
    if result.comparison.anytime:
        return f", judged at level {result.look.level:.3g} over all looks, at any time"
    return "" if len(result.comparison.looks) == 1 else f", judged at level {result.look.level:.3g} at this look"


def images_and_training(manifest: Manifest) -> str:
    """On what the arms were trained."""
    limit = "" if manifest.limit_train is None else f" (a fresh draw of {manifest.limit_train} each)"
    drawn = f"split again in each replicate{limit}"
    if manifest.own_validation:
        drawn = f"which came with the data, the same in each replicate: seeds vary{limit}, no split does"
    majority = majority_words(manifest, "validation")
    facts = [
        f"{manifest.dataset}: {manifest.n_train} training and {manifest.n_validation} validation images, {drawn}",
        *([f"{majority} on the latter"] if majority else []),
        f"{plural(manifest.epochs, 'epoch')}{in_precision(manifest)}, {in_batches(manifest)}"
        f"{in_class_weights(manifest)}, seed {manifest.seed}",
    ]
    return "; ".join(facts)
