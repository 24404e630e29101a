"""The ids of trials: asked for once, and only of trials that there are."""

from typing import Any

import pytest
import sqlalchemy as sa

from storage.study import create_study
from storage.testkit import example_manifest


def test_an_id_is_asked_for_once(storage_url: str) -> None:
    with create_study(storage_url, "s", example_manifest()) as shared:
        number = shared.study.ask().number
        first = shared.trials.ids[number]
        asked: list[Any] = []
        sa.event.listen(shared.engine, "before_cursor_execute", lambda *sent: asked.append(sent))
        assert shared.trials.ids[number] == first
    assert asked == []


def test_a_trial_that_is_not_there_has_none_until_it_is(storage_url: str) -> None:
    with create_study(storage_url, "s", example_manifest()) as shared:
        with pytest.raises(KeyError):
            shared.trials.ids[0]
        shared.study.ask()
        assert shared.trials.get(0).number == 0
