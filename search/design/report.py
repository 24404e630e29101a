"""A comparison as JSON."""

import math
from dataclasses import asdict
from typing import Any

import msgspec

from search.design.ablation_tables import path_settings
from search.design.extending import total_level
from search.design.result import ComparisonResult
from search.design.tables import unseen_divergence
from search.statistics import PairAnswer
from search.statistics.screening import Effect
from search.statistics.wording import why_undecided
from search.study.batch_size import stored_batch_sizes
from search.study.image_size import stored_image_sizes
from search.study.race_answer import RaceAnswer
from spaces.metrics import SCORES


def comparison_document(result: ComparisonResult) -> dict[str, Any]:
    """The result as a JSON document. Scores and differences are in the objective's unit."""
    comparison, answer = result.comparison, result.answer
    return {
        "study_name": result.study_name,
        "question": comparison.question,
        "article": comparison.article,
        "experiment": comparison.experiment,
        "axis": comparison.axis,
        "at": comparison.at,
        "tuned": comparison.tuned,
        "dataset": result.manifest.dataset,
        "epochs": result.manifest.epochs,
        "batch_size": result.manifest.batch_size,
        "batch_sizes": list(stored_batch_sizes(result.manifest)),
        "image_sizes": [list(size) for size in stored_image_sizes(result.manifest)],
        "precision": result.manifest.precision,
        "objective": result.manifest.objective,
        "report_metrics": list(result.manifest.report_metrics),
        "margin": comparison.margin,
        "level": result.look.level,
        "anytime": comparison.anytime,
        "wrong_verdict_at_most": total_level(comparison, result.look),
        "replicates": result.look.replicates,
        "complete": result.scores.complete,
        "decided": result.decided,
        "fewest": answer.fewest if answer else None,
        "arms": [arm_document(result, number) for number in range(len(comparison.arms))],
        "pairs": [pair_document(pair, answer.fewest) for pair in answer.pairs] if answer else [],
        **screening_document(result),
        **ablation_document(result),
        **noise_document(result),
        "race": result.raced and race_document(result.raced),
        "test": result.test and {"arm": result.test.arm, **msgspec.to_builtins(result.test.score)},
        "versions": result.manifest.versions,
        "devices": list(result.devices),
        "stop_reason": result.stop_reason,
    }


def race_document(raced: RaceAnswer) -> dict[str, Any]:
    """What a race found."""
    found: dict[str, Any] = msgspec.to_builtins(raced)
    return found


def screening_document(result: ComparisonResult) -> dict[str, Any]:
    """The additions of a screening: the effects of its settings, sums of interactions, what it recommends."""
    if result.screened is None:
        return {}
    answer, levels = result.screened.answer, result.comparison.settings
    named = zip(levels, answer.effects, strict=False)
    return {
        "settings": [
            {"name": level.name, "low": level.low, "high": level.high, **effect_document(effect)}
            for level, effect in named
        ],
        "interactions": [
            {"terms": [{"share": share, "settings": names} for share, names in effect.terms], **effect_document(effect)}
            for effect in answer.interactions
        ],
        "recommended": [asdict(one) for one in result.screened.recommended],
        "missing": answer.missing,
        "left_out": answer.left_out,
    }


def ablation_document(result: ComparisonResult) -> dict[str, Any]:
    """The additions of an ablation: the steps of its path, in their order, and what they do all together."""
    ablated = result.ablated
    if ablated is None:
        return {}
    whole = ablated.answer.whole
    named = zip(path_settings(result, ablated), ablated.answer.steps, strict=False)
    return {
        "settings": [
            {"name": level.name, "low": level.low, "high": level.high, **effect_document(effect)}
            for level, effect in named
        ],
        "ablation": {
            "path": [setting.name for setting in path_settings(result, ablated)],
            "configurations": list(ablated.configurations),
            "chosen_on": ablated.chosen_on,
            "estimated_on": ablated.estimated_on,
            "whole": whole and {"n": whole.n, "effect": whole.effect, "interval": interval(whole.interval)},
        },
    }


def noise_document(result: ComparisonResult) -> dict[str, Any]:
    """The addition of a measurement of noise: the parts of the variance."""
    return {} if result.noise is None else {"noise": asdict(result.noise)}


def effect_document(effect: Effect) -> dict[str, Any]:
    """One effect. `verdict` is on the high level, compared with the low one."""
    return {
        "n": effect.n,
        "effect": effect.effect,
        "deviation": effect.deviation,
        "interval": interval(effect.interval),
        "corrected": interval(effect.corrected),
        "p_corrected": effect.p,
        "p_equivalence": effect.p_equivalence,
        "verdict": effect.verdict.value,
    }


def arm_document(result: ComparisonResult, number: int) -> dict[str, Any]:
    """One arm."""
    design, scores, curves = result.comparison.arms[number], result.scores.arms[number], result.curves[number]
    summary = result.summaries[number]
    return {
        "name": design.name,
        "configuration": design.configuration,
        "params": design.params,
        "published": design.published,
        "selected": design.selected,
        "scores": {str(replicate): score for replicate, score in sorted(scores.scores.items())},
        "n": len(scores.scores),
        "mean": summary.mean,
        "deviation": summary.deviation,
        "interval": interval(summary.interval),
        "metrics": msgspec.to_builtins(result.reported[number]) if result.reported else {},
        "diverged": [asdict(one) for one in result.scores.diverged if one.arm == design.name],
        "unseen_divergence": unseen_divergence(result, design.name),
        "failed": [asdict(one) for one in result.scores.failed if one.arm == design.name],
        "last_epoch": {score: point.mean if (point := curves.last(score)) else None for score in SCORES},
        "curves": {score: [asdict(point) for point in curves.points[score]] for score in SCORES},
        "confusion": next((one.counts for one in result.confusions if one.arm == design.name), None),
    }


def pair_document(pair: PairAnswer, fewest: int) -> dict[str, Any]:
    """One pair."""
    return {
        "first": pair.first,
        "second": pair.second,
        "n": pair.n,
        "difference": pair.difference,
        "deviation": pair.deviation,
        "interval": interval(pair.interval),
        "bootstrap": interval(pair.bootstrap),
        "new_data": interval(pair.new_data),
        "p": pair.p,
        "p_corrected": pair.p_corrected,
        "corrected": interval(pair.corrected),
        "p_equivalence": pair.p_equivalence,
        "verdict": pair.verdict.value,
        "estimate": asdict(pair.estimate) if pair.estimate else None,
        "why_undecided": why_undecided(pair, fewest) if pair.verdict.value == "undecided" else None,
    }


def interval(found: Any) -> dict[str, float] | None:
    """An interval, None where there is none or it has no end: JSON has no infinity."""
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None
    return {"low": found.low, "high": found.high, "confidence": found.confidence}
