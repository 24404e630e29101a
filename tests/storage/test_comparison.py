"""The design of a comparison: which slot is which replicate of which arm."""

from hypothesis import given
from hypothesis import strategies as st

from storage.comparison import ArmDesign, Comparison, DesignCell, PlannedLook
from storage.records import FinishedSlot, Outcome

ARMS = st.integers(1, 12)
SLOTS = st.integers(0, 10_000)


def comparison_of(arms: int) -> Comparison:
    designs = tuple(ArmDesign(f"arm {number}", {}) for number in range(arms))
    return Comparison(question="?", arms=designs, margin=0.01, looks=(PlannedLook(5, 0.05),))


def done(slot: int) -> FinishedSlot:
    return FinishedSlot(slot, slot, Outcome("complete", 0.9), True, 0.0, 1, "worker")


@given(arms=ARMS, slot=SLOTS)
def test_each_slot_is_one_replicate_of_one_arm(arms: int, slot: int) -> None:
    comparison = comparison_of(arms)
    cell = comparison.cell(slot)
    assert 0 <= cell.arm < arms
    assert comparison.slot(cell) == slot
    assert comparison.arm_of(slot) is comparison.arms[cell.arm]


@given(arms=ARMS, replicates=st.integers(0, 20))
def test_n_replicates_of_every_arm_are_the_first_slots(arms: int, replicates: int) -> None:
    comparison = comparison_of(arms)
    cells = {comparison.cell(slot) for slot in range(comparison.slots_of(replicates))}
    assert cells == {DesignCell(arm, replicate) for arm in range(arms) for replicate in range(replicates)}


@given(arms=ARMS, ranked=st.lists(SLOTS, unique=True, max_size=40))
def test_the_best_of_each_arm_is_its_first_in_the_ranking(arms: int, ranked: list[int]) -> None:
    comparison = comparison_of(arms)
    best = [found.slot for found in comparison.best_of_arms(map(done, ranked))]
    of_arm = {arm: [slot for slot in ranked if comparison.cell(slot).arm == arm] for arm in range(arms)}
    assert sorted(best) == sorted(slots[0] for slots in of_arm.values() if slots)
    assert best == sorted(best, key=ranked.index)
