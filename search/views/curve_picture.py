"""The curves of one trial as a small picture: loss and accuracy, in training and validation, after each epoch.

It is SVG, written here, because a plotting library would take longer than the worker has between two trials.
"""

from collections.abc import Sequence
from html import escape

from search.views.palette import TRAINING, VALIDATION
from spaces.epoch_scores import EpochScores
from spaces.metrics import SCORES, ScoreName

WIDTH, HEIGHT = 260, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 34, 36

PANELS: tuple[tuple[str, ScoreName, ScoreName], ...] = (
    ("loss", "loss", "val_loss"),
    ("accuracy", "accuracy", "val_accuracy"),
)

Point = tuple[int, float]


def draw_curves(epochs: Sequence[EpochScores]) -> str:
    """The picture of two epochs or more; a score that isn't a number leaves a gap."""
    panels = "".join(
        f'<g transform="translate({number * WIDTH},0)">{panel(epochs, *names)}</g>'
        for number, names in enumerate(PANELS)
    )
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    style = 'font-family="sans-serif" font-size="12" fill="#333"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{ground}{panels}</svg>\n'


def panel(epochs: Sequence[EpochScores], title: str, training: ScoreName, validation: ScoreName) -> str:
    """One pair of curves with its axes."""
    curves = [(points(epochs, training), TRAINING, "6 3"), (points(epochs, validation), VALIDATION, "none")]
    values = [value for curve, _, _ in curves for _, value in curve] or [0.0]
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 0.5, high + 0.5
    last = epochs[-1].epoch

    def place(point: Point) -> str:
        x = LEFT + (point[0] - 1) / max(last - 1, 1) * (WIDTH - LEFT - RIGHT)
        y = TOP + (high - point[1]) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    lines = "".join(
        f'<polyline points="{" ".join(map(place, curve))}" fill="none" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dashes}"/>'
        for curve, color, dashes in curves
        if curve
    )
    return axes(title, low, high, last) + lines


def points(epochs: Sequence[EpochScores], name: ScoreName) -> list[Point]:
    """A score after each epoch in which it was a number."""
    found = [(row.epoch, SCORES[name](row)) for row in epochs]
    return [(epoch, value) for epoch, value in found if value is not None]


def axes(title: str, low: float, high: float, last: int) -> str:
    """The frame of a panel, the ends of its axes, and what the colors mean."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    frame = f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#999"/>'
    legend = f'<tspan fill="{TRAINING}"> training</tspan><tspan fill="{VALIDATION}"> validation</tspan>'
    return frame + "".join(
        (
            f'<text x="{LEFT}" y="20"><tspan font-weight="bold">{escape(title)}</tspan>{legend}</text>',
            f'<text x="{LEFT - 6}" y="{TOP + 5}" text-anchor="end">{high:.3g}</text>',
            f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>',
            f'<text x="{LEFT}" y="{bottom + 18}">1</text>',
            f'<text x="{(LEFT + right) / 2}" y="{bottom + 18}" text-anchor="middle">epoch</text>',
            f'<text x="{right}" y="{bottom + 18}" text-anchor="end">{last}</text>',
        )
    )
