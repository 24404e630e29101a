"""The tests."""

import pytest

# Assertions in helpers say the values that they compare, as those of tests do.
pytest.register_assert_rewrite("tests.helpers")
