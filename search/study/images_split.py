"""A study's images as its trials have them: for training, validation and the final score."""

from search.datasets import DataSet
from search.training.data.split import Fold, Split, split
from storage import Manifest


def study_split(data: DataSet, manifest: Manifest, seed: int) -> Split:
    """The images of a trial whose split has that seed; with folds, those of the model that it keeps, on the last one.

    Raises:
        DataError: the data doesn't have them.
    """
    validation = manifest.validation
    fold = Fold(validation.folds - 1, validation.folds) if validation.folds else None
    share, limit = manifest.validation_fraction, manifest.limit_train
    return split(data, share, seed, limit, fold=fold, rest=validation.kind == "rest")
