"""The answer of a comparison is told once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from search.design.noise_plan import run_noise
from search.design.options import NoiseOptions
from search.notify.addresses import VARIABLE
from tests.helpers.comparisons import Comparisons, scores_by_arm
from tests.helpers.mailbox import Mailbox, mailbox

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise with Python 3.11


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mailbox to which SEARCH_NOTIFY sends."""
    with mailbox() as made:
        monkeypatch.setenv(VARIABLE, made.url)
        yield made


def test_the_answer_of_a_comparison_is_told_once(comparisons: Comparisons, box: Mailbox) -> None:
    asked = {"axis": "batch_norm", "choices": ("none", "before_activation"), "seeds": 6}
    comparisons.acts = scores_by_arm({0: [0.90 + n / 100 for n in range(6)], 1: [0.70 + n / 90 for n in range(6)]})
    comparisons.compare(**asked)
    comparisons.compare(**asked)
    [(title, text)] = box.notices
    assert title == "bn_dropout-digits-compare-batch_norm: decided after 6 replicates"
    assert "1 of 1 pairs are decided" in text
    assert "before_activation is worse than none" in text or "none is better than before_activation" in text


def test_what_has_nothing_to_decide_is_complete(comparisons: Comparisons, box: Mailbox) -> None:
    options = NoiseOptions(space="bn_dropout", at="baseline:dropout", epochs=1, seeds=3, storage=comparisons.url)
    workers = replace(options.workers, artifacts=comparisons.folder / "artifacts")
    run_noise(replace(options, workers=workers), comparisons.dependencies())
    [(title, _)] = box.notices
    assert title == "bn_dropout-digits-noise: complete after 9 replicates"


def test_a_comparison_without_scores_has_failed(comparisons: Comparisons, box: Mailbox) -> None:
    comparisons.acts = {slot: [{"fail": ["space_error", "as told"]}] for slot in range(4)}
    with pytest.raises(Exception, match="has no scores"):
        comparisons.compare(axis="batch_norm", choices=("none", "before_activation"), seeds=2)
    [(title, text)] = box.notices
    assert title.startswith("bn_dropout-digits-compare-batch_norm: failed, ")
    assert "as told" in text
