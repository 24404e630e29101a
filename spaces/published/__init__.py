"""Published experiments on small image classifiers: each arm a configuration, with the numbers that were published.

    article -> experiments -> arms

All of them compare single runs. Their scores are as printed; where an article doesn't say something that a
configuration needs, the arm's `source` says what was assumed. Arms without numbers are for what an article claims in
words. `params` are counts that were printed, or that follow
from a printed architecture. Batch normalization's momentum is the fitted one, which at the published numbers of steps
is Keras' 0.99; the textbook's experiment, with few steps per epoch, has 0.99 as published. Each article is a file.
"""

from spaces.errors import SpaceError
from spaces.names import unknown_name
from spaces.published import bn_and_dropout, dropout_introduction, memorisation, textbook, tuning_notes
from spaces.published.experiment import Arm, Article, Experiment

__all__ = ["ARTICLES", "Arm", "Article", "Experiment", "UnknownArticle", "experiments", "source"]

_EXPERIMENTS: tuple[Experiment, ...] = (
    *textbook.EXPERIMENTS,
    *bn_and_dropout.EXPERIMENTS,
    *tuning_notes.EXPERIMENTS,
    *memorisation.EXPERIMENTS,
    *dropout_introduction.EXPERIMENTS,
)
_SOURCES = {
    article.name: article
    for article in (
        textbook.ARTICLE,
        bn_and_dropout.ARTICLE,
        tuning_notes.ARTICLE,
        memorisation.ARTICLE,
        dropout_introduction.ARTICLE,
    )
}
ARTICLES: tuple[str, ...] = tuple(_SOURCES)


class UnknownArticle(SpaceError):
    """No article has that name."""


def source(article: str) -> Article:
    """Title, author, year and address of one of the `ARTICLES`.

    Raises:
        UnknownArticle: there is none of that name; lists them.
    """
    if article not in _SOURCES:
        raise UnknownArticle(unknown_name("article", article, ARTICLES))
    return _SOURCES[article]


def experiments(article: str) -> tuple[Experiment, ...]:
    """The experiments of one of the `ARTICLES`.

    Raises:
        UnknownArticle: there is none of that name; lists them.
    """
    return tuple(experiment for experiment in _EXPERIMENTS if experiment.article == source(article).name)
