"""Of the trials with each choice of a parameter, the share that is in the best quarter."""

from search.views import palette
from search.views.lessons import Lesson
from search.views.plots import Plot, axis, layout, plain


def shares_plot(lesson: Lesson) -> Plot:
    """The shares of a categorical parameter's choices, with their 95 % intervals."""
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [f"{plain(score.choice)}<br>n = {score.n}" for score in lesson.choices],
        "y": [score.share for score in lesson.choices],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [score.high - score.share for score in lesson.choices],
            "arrayminus": [score.share - score.low for score in lesson.choices],
        },
        "marker": {"color": palette.BLUE, "size": 10},
    }
    look = layout(axis(lesson.parameter), axis("share, 95 % interval", range=[0, 1]), showlegend=False)
    return Plot(f"{lesson.parameter}: trials in the best quarter.", (points,), look)
