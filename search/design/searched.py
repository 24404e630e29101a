"""The search that a confirmation, a race, a screening or a measurement of noise is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.console.held_errors import errors_held_back
from search.datasets import resolve_dataset
from search.design.axis import with_added
from search.design.base import is_from_search
from search.design.options import AnswerOptions, ConfirmOptions, ExplainOptions, NoiseOptions
from search.design.plan import ComparisonSetting
from search.errors import UsageError
from search.launching.asked_manifest import DEFAULT_DATASET
from search.study.location import located, require_there, typed_places
from spaces import SpaceSource, resolve
from storage import SharedStudy, check_url, open_study, study_names
from storage.errors import NotAStudyDatabase, SchemaTooNew


@contextmanager
def opened_search(options: AnswerOptions | ConfirmOptions | ExplainOptions | NoiseOptions) -> Iterator[SharedStudy]:
    """The study of the search that the flags name, else the database's only one, to read, with the places that the
    flags give for this host.

    Raises:
        UsageError, StorageUsageError: there is no such search, or more than one.
        StorageUnreachable: the database is away.
    """
    url = check_url(options.storage)
    with open_study(url, options.origin or only_search(url), only_look=True) as opened:
        yield located(opened, typed_places(options.space, options.dataset))


def searched_space(shared: SharedStudy) -> SpaceSource:
    """The space of a search.

    Raises:
        UsageError, SpaceError: it, or the images, aren't there, or its source has changed.
    """
    require_there(shared.manifest)
    with errors_held_back():  # it may import Keras
        return resolve(shared.manifest.space, expected=shared.manifest.space_fingerprint)


def setting_in_space(options: ExplainOptions | NoiseOptions, ref: str, verb: str) -> ComparisonSetting:
    """Where a design takes place that is about a space, which needn't have been searched.

    Raises:
        SpaceError, UsageError: there is no such space, or there are no such images.
    """
    with errors_held_back():  # it may import Keras
        source = resolve(ref)
    source = with_added(source, options)
    dataset = resolve_dataset(options.dataset or DEFAULT_DATASET)
    return ComparisonSetting(source, dataset, f"{source.space.name}-{Path(dataset).stem}-{verb}", verb=verb)


def require_baseline(flag: str, at: str) -> None:
    """Raises UsageError if a flag names a trial, where no search is named."""
    if is_from_search(at):
        raise UsageError(f"{flag} {at} names a trial of a search: give the --search that it is of")


def only_search(url: str) -> str:
    """The name of the database's only search.

    Raises:
        UsageError: there is none, or more than one; lists them.
    """
    searches = [name for name in study_names(url) if is_search(url, name)]
    if len(searches) == 1:
        return searches[0]
    if not searches:
        raise UsageError("there is no search in this database: python -m search.launch creates one")
    raise UsageError(f"the database has {len(searches)} searches: give one with --search: {', '.join(searches)}")


def is_search(url: str, name: str) -> bool:
    """Whether a study is a search of its own: no comparison, and no tuning for one. One whose record can't be read may
    be: then people say which they mean.
    """
    try:
        opened = open_study(url, name, only_look=True)
    except (NotAStudyDatabase, SchemaTooNew):
        return True
    with opened as shared:
        return shared.manifest.is_search and not shared.manifest.fixed
