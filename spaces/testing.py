"""The tests that a space inherits, ours or a user's.

from spaces.testing import SpaceContract
from my_space import space

class TestMySpace(SpaceContract):
    space = space
    ref = "my_space.py:space"
"""

from itertools import islice
from typing import Any, ClassVar

import pytest

from spaces.configuration import Configuration
from spaces.contract import check_baseline, check_fields, check_round_trip, check_trial, configuration_of, parameters
from spaces.grid import grid
from spaces.layers import require_fit
from spaces.registry import resolve
from spaces.space import ImageShape, Space
from spaces.trials import fixed_trial, random_trial

IMAGE_SHAPES: tuple[ImageShape, ...] = ((8, 8, 1), (32, 32, 3))
CLASSES = (10, 3)
SEEDS = range(20)
COMBINATIONS = 2_000


class SpaceContract:
    """What a space keeps to, so that every sampler, storage and trainer can work with it.

    Set `space`; set `ref` to what is typed after `--space`, to check that it leads there; set `image_shapes`, (height,
    width, channels), if the space is meant for larger images than those of the digits. The model of a space without a
    `build` of its own is the project's, and tested there; override `build_model` to build it here too.
    """

    space: ClassVar[Space]
    ref: ClassVar[str | None] = None
    image_shapes: ClassVar[tuple[ImageShape, ...]] = IMAGE_SHAPES

    def build_model(self, configuration: Configuration, input_shape: ImageShape, classes: int) -> Any:
        """The Keras model of a configuration; by default that of the space's own `build`."""
        if self.space.build is None:
            pytest.skip("the space has no build of its own: its model is tested with the project's")
        pytest.importorskip("keras", reason="building the model needs Keras")
        return self.space.build(configuration, input_shape, classes)

    def test_its_fields_are_complete(self) -> None:
        check_fields(self.space)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_same_parameters_give_the_same_configuration_also_through_json(self, seed: int) -> None:
        check_trial(self.space, seed)

    def test_a_parameter_has_the_same_choices_or_range_in_every_trial(self) -> None:
        assert parameters(self.space, trials=200), "the space asks for no parameter: there is nothing to search"

    def test_its_combinations_are_different_and_can_all_be_suggested(self) -> None:
        combinations = list(islice(grid(self.space, points=2), COMBINATIONS))
        different = {tuple(sorted(params.items())) for params in combinations}
        assert len(different) == len(combinations), "two combinations have the same parameters"
        for params in combinations:
            check_round_trip(configuration_of(self.space, fixed_trial(params)))

    def test_its_baselines_are_points_of_the_space(self) -> None:
        for baseline in self.space.baselines:
            check_baseline(self.space, baseline)

    def test_the_images_are_large_enough(self) -> None:
        if self.space.build is not None:
            pytest.skip("the space builds its own model")
        for seed in SEEDS:
            configuration = configuration_of(self.space, random_trial(seed))
            for shape in self.image_shapes:
                require_fit(configuration, shape)

    @pytest.mark.parametrize("classes", CLASSES)
    def test_the_model_gives_a_logit_for_each_class(self, classes: int) -> None:
        for seed, shape in enumerate(self.image_shapes):
            configuration = configuration_of(self.space, random_trial(seed))
            model = self.build_model(configuration, shape, classes)
            keras = pytest.importorskip("keras", reason="calling the model needs Keras")
            assert isinstance(model, keras.Model), f"build returned a {type(model).__name__}, not a keras.Model"
            logits = keras.ops.convert_to_numpy(model(keras.ops.zeros((2, *shape))))
            assert logits.shape == (2, classes), f"two images of {classes} classes gave {logits.shape}"
            assert not model.compiled, "build returns the model uncompiled: the optimizer is the configuration's"

    def test_its_reference_leads_back_to_it(self) -> None:
        if self.ref is None:
            pytest.skip("the test class names no ref")
        found = resolve(self.ref)
        assert resolve(found.ref).fingerprint == found.fingerprint, f"{found.ref} isn't the same space as {self.ref}"
        for seed in SEEDS:
            trial = random_trial(seed)
            configuration = configuration_of(self.space, trial)
            again = configuration_of(found.space, fixed_trial(trial.params))
            assert again == configuration, f"{self.ref} is another space: {trial.params} give {again}"
