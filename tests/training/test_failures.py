"""Failures are told apart by whether another attempt makes sense."""

import pytest

from search.datasets import ArrayError
from search.training.jobs.failures import failure_kind, failure_reason
from spaces.errors import SpaceError


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ArrayError("one class"), "data_error"),
        (SpaceError("no such layer"), "space_error"),
        (MemoryError(), "out_of_memory"),
        (ResourceExhaustedError("OOM when allocating tensor"), "out_of_memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"), "out_of_memory"),
        (RuntimeError("CUDA out of memory"), "out_of_memory"),
        (OSError(5, "Input/output error"), "storage_error"),
        (ZeroDivisionError("division by zero"), "crash"),
    ],
)
def test_the_kind_of_a_failure(error: Exception, kind: str) -> None:
    assert failure_kind(error) == kind


def test_memory_exhausted_in_a_build_is_no_error_of_the_space() -> None:
    error = SpaceError("build raised MemoryError")
    error.__cause__ = MemoryError()
    assert failure_kind(error) == "out_of_memory"


def test_a_reason_is_one_line_with_the_type_of_a_foreign_error() -> None:
    assert failure_reason(KeyError("width")) == "KeyError: 'width'"
    assert failure_reason(SpaceError("too small\nfor it")) == "too small for it"
    assert failure_reason(ValueError()) == "ValueError"
