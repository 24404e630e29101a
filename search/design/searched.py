"""The search that a confirmation, a race, a screening or a measurement of noise is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from search.console.held_errors import errors_held_back
from search.design.options import AnswerOptions, ConfirmOptions, ExplainOptions, NoiseOptions
from search.errors import UsageError
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
    raise UsageError(f"say which search to confirm, with --search: {', '.join(searches)}")


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
