"""Predictions as a table, as CSV and as JSON."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from search.datasets.inventory import Named
from search.predict.predictions import Prediction, Unreadable
from search.views.layout import TextTable, table_text


def as_table(predictions: Sequence[Prediction]) -> str:
    """A line for each image: its class, and the one after that."""
    rows = tuple((str(one.path), *_cells(one)) for one in predictions)
    number = f"{len(predictions)} image{'' if len(predictions) == 1 else 's'}"
    return table_text(TextTable(number, ("image", "class", "probability", "next"), rows, frozenset({"probability"})))


def _cells(one: Prediction) -> tuple[str, str, str]:
    (best, probability), (second, rest) = one.ranked[:2]
    return best, f"{probability:.1%}", f"{second} {rest:.1%}"


def as_csv(predictions: Sequence[Prediction]) -> str:
    """A row for each image, with a column for each class."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "class", "probability", *(f"p({name})" for name in predictions[0].classes)])
    for one in predictions:
        best, probability = one.ranked[0]
        rows.writerow([one.path, best, f"{probability:.6g}", *(f"{value:.6g}" for value in one.probabilities)])
    return text.getvalue()


def as_json(predictions: Sequence[Prediction], unreadable: Sequence[Unreadable], left_out: Sequence[Named]) -> str:
    """One document: the images, the files that can't be read, and what of the folders was left out."""
    document = {
        "images": [_document(one) for one in predictions],
        "unreadable": [{"file": str(one.path), "problem": one.problem} for one in unreadable],
        "left_out": [{"what": one.what, "count": one.count, "examples": list(one.examples)} for one in left_out],
    }
    return json.dumps(document, indent=2)


def _document(one: Prediction) -> dict[str, Any]:
    best, probability = one.ranked[0]
    return {
        "file": str(one.path),
        "class": best,
        "probability": probability,
        "probabilities": dict(zip(one.classes, one.probabilities, strict=True)),
        "treated": list(one.treated),
    }


def remarks(predictions: Iterable[Prediction], left_out: Iterable[Named]) -> Iterator[str]:
    """What was done to images to read them, and what was left out, each with its count."""
    treated = Counter(what for one in predictions for what in one.treated)
    yield from (f"{count} x {what}" for what, count in treated.most_common())
    yield from (f"left out: {one.count} x {one.what} ({', '.join(one.examples)})" for one in left_out)
