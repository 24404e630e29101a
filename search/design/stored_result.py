"""The designed comparison that a study holds, as far as it is."""

from dataclasses import replace

from search.design.confusion import best_of_arms, ordered, stored_confusions
from search.design.result import ComparisonResult, take_result
from search.design.test_score import ArmTest
from search.study.test_score import stored_test_score
from storage import SharedStudy
from storage.comparison import Comparison, PlannedLook


def comparison_of(shared: SharedStudy) -> ComparisonResult | None:
    """What the study compares, with what was measured of its models before; None for a search, which compares nothing.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    design = shared.manifest.comparison
    if design is None:
        return None
    result = take_result(shared, current_look(shared, design))
    confusions = ordered(stored_confusions(shared), result.scores.replicates)
    return replace(result, confusions=confusions, test=stored_test(shared, design))


def current_look(shared: SharedStudy, design: Comparison) -> PlannedLook:
    """The look for which the slots that there are were ordered."""
    ordered_slots = max((slot.slot + 1 for slot in shared.ledger.slots()), default=0)  # a race's have gaps
    return next((look for look in design.looks if design.slots_of(look.replicates) >= ordered_slots), design.last_look)


def stored_test(shared: SharedStudy, design: Comparison) -> ArmTest | None:
    """The test score of an arm's best model, None unless it was measured."""
    stored = stored_test_score(shared)
    if stored is None:
        return None
    arms = {slot.trial_number: arm for arm, slot in best_of_arms(shared, design)}
    return ArmTest(arms.get(stored.trial, f"trial {stored.trial}"), stored)
