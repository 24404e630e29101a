"""Searching from Python: the same search, its results as objects, its errors as exceptions."""

import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import search
from search.api.figure_file import save_figure
from search.api.html import html_page
from search.api.run import as_arguments, default_name, follow, reference_to
from search.errors import SearchFailed, UsageError
from search.launch import main as launch
from spaces import resolve
from spaces.space import Space
from storage.errors import StudyNotFound
from tests.helpers.lab import Lab


@pytest.fixture
def found(lab: Lab) -> search.Result:
    """A study of fourteen trials, one of which failed."""
    lab.acts = {3: [{"fail": ["crash", "as told"]}], 4: [{"diverge_at": 2}]}
    lab.study(14)
    lab.work()
    return search.load(storage=lab.url)


def test_importing_the_package_loads_nothing() -> None:
    program = "import search, sys; assert not {'optuna', 'keras', 'pandas', 'click'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_best_trial_and_tables_of_trials_and_curves(found: search.Result) -> None:
    trials = found.trials
    assert found.best is not None
    assert trials["state"].value_counts().to_dict() == {"complete": 12, "failed": 1, "diverged": 1}
    assert found.best.number == trials["value"].idxmax()
    assert trials.loc[found.best.number, "optimizer"] == found.best.params["optimizer"]
    assert trials["reason"].dropna().str.contains("as told").sum() == 1
    assert len(found.curves.loc[found.best.number]) == 3
    assert found.curves["val_accuracy"].max() == pytest.approx(trials["value"].max(), abs=1)


def test_figures_have_the_trials_and_a_wrong_name_lists_the_valid_ones(found: search.Result) -> None:
    assert {"history", "curves", "choices-optimizer"} <= set(found.figure_names)
    curves = found.figure("curves").data  # in all but the best one's trace, a gap ends each curve
    with_epochs = found.curves.index.get_level_values("trial").nunique()
    assert sum(list(trace.x).count(None) or 1 for trace in curves) == with_epochs == 13
    assert sum(len(trace.x) for trace in found.figure("history").data if trace.mode == "markers") >= 12
    assert found.figure("choices-optimizer").data
    with pytest.raises(UsageError, match="history"):
        found.figure("histroy")


def test_printed_it_says_how_the_study_stands(found: search.Result) -> None:
    assert str(found).startswith("All 14 trials of study are finished: 12 complete, 1 diverged, 1 failed.")


def test_a_study_without_trials_has_empty_tables(lab: Lab) -> None:
    lab.study(2)
    found = search.load("study", storage=lab.url)
    assert (found.best, found.test) == (None, None)
    assert len(found.trials) == len(found.curves) == 0
    assert found.figure("curves").data == ()


def test_a_study_that_is_not_there_is_said_so(lab: Lab) -> None:
    lab.study(1)
    with pytest.raises(StudyNotFound, match="there are: study"):
        search.load("another", storage=lab.url)


def test_wrong_flags_are_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="n_trials"):
        search.run("bn_dropout", n_trails=3)
    with pytest.raises(UsageError, match="sampler"):
        search.run("bn_dropout", sampler="tpr", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_switches_are_true_or_false_and_others_have_values() -> None:
    assert as_arguments({"baselines": True, "dry_run": False, "verbose": 2, "epochs": 5, "pruner": None}, launch) == [
        "--baselines",
        "--verbose",
        "--verbose",
        "--epochs=5",
    ]
    for name, value, wanted in (
        ("baselines", "yes", "True or False"),
        ("baselines", 1, "True or False"),
        ("verbose", "much", "a whole number"),
        ("epochs", True, "a value"),
    ):
        with pytest.raises(UsageError, match=f"{name} is .*has to be {wanted}"):
            as_arguments({name: value}, launch)


def test_arrays_are_no_data_set_before_they_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.zeros((9, 4, 4))
    for given in (images, (images, np.arange(9)), {"x_train": images}):
        for call in (partial(search.run, "bn_dropout"), partial(search.compare, space="bn_dropout", axis="batch_norm")):
            with pytest.raises(UsageError, match=r"dataset is of the type .*; save arrays with np\.savez\('own\.npz'"):
                call(dataset=given, quiet=True)
    with pytest.raises(UsageError, match="report_metrics is of the type list, and has to be a value as it is typed"):
        search.run("bn_dropout", report_metrics=["auc"])
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_has_no_result(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dry run has no result"):
        search.run("bn_dropout", dry_run=True, storage=f"sqlite:///{tmp_path / 'search.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_search_from_python_begins_with_the_baselines(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    flags: dict[str, Any] = {"n_trials": 5, "epochs": 1, "limit_train": 64, "n_workers": 1, "pruner": "none"}
    found = search.run("regularization", storage=url, quiet=True, baselines=True, **flags)
    assert [baseline.number for baseline in found.facts.baselines] == [0, 1, 2, 3, 4]


def test_a_space_that_only_this_process_has_is_refused_with_what_to_do() -> None:
    own = Space(name="own", question="?", suggest=resolve("bn_dropout").space.suggest)
    with pytest.raises(UsageError, match="writefile"):
        reference_to(own)


def test_a_space_of_a_module_is_found_by_other_processes() -> None:
    assert reference_to(resolve("bn_dropout").space) == "spaces.named.bn_dropout:space"
    assert reference_to("bn_dropout") == "bn_dropout"


def test_what_a_search_says_is_printed_and_its_error_raised(capsys: pytest.CaptureFixture[str]) -> None:
    program = "import sys; print('on its way', file=sys.stderr); print('Error: no luck\\nat all', file=sys.stderr)"
    with pytest.raises(SearchFailed, match=r"^no luck\nat all$"):
        follow([sys.executable, "-c", f"{program}; sys.exit(1)"], {})
    assert capsys.readouterr().out == "on its way\n"


def test_it_works_in_a_thread_which_has_no_signal_handlers() -> None:
    raised: list[type[BaseException]] = []

    def work() -> None:
        try:
            follow([sys.executable, "-c", "raise SystemExit(130)"], {})
        except KeyboardInterrupt as error:
            raised.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert raised == [KeyboardInterrupt]


def test_a_study_is_named_by_the_folder_of_its_images_however_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    monkeypatch.chdir(photographs)
    assert default_name("bn_dropout", None) == "bn_dropout-digits"
    assert default_name("bn_dropout", ".") == default_name("bn_dropout", photographs) == "bn_dropout-photographs"


def test_a_flag_that_may_be_given_several_times_takes_a_list() -> None:
    assert as_arguments({"only": ["optimizer=adam,sgd", "schedule=cosine"], "fix": "decay=0.01"}, launch) == [
        "--only=optimizer=adam,sgd",
        "--only=schedule=cosine",
        "--fix=decay=0.01",
    ]


def test_the_best_trial_is_printed_as_what_it_is(found: search.Result) -> None:
    best = found.best
    assert best is not None
    assert repr(best).startswith(f"TrialFacts(number={best.number}, state='complete', value={best.value}, params={{'")
    assert len(repr(best)) < 400


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> search.Result:
    """A comparison of two arms on two replicates, really trained."""
    url = f"sqlite:///{tmp_path_factory.mktemp('compared') / 'search.db'}"
    flags: dict[str, Any] = {"seeds": 2, "epochs": 1, "limit_train": 64, "n_workers": 1, "quiet": True}
    choices = ["none", "before_activation"]
    return search.compare(space="bn_dropout", axis="batch_norm", choices=choices, storage=url, **flags)


def test_a_comparison_has_its_pairs_and_arms_as_tables(compared: search.Result) -> None:
    assert list(compared.arms.index) == ["none", "before_activation"]
    assert compared.arms["n"].tolist() == [2, 2]
    pair = compared.pairs.loc[("none", "before_activation")]
    assert (pair["n"], pair["verdict"]) == (2, "undecided")
    assert pair["interval_low"] <= pair["difference"] <= pair["interval_high"]
    assert compared.trials["arm"].tolist() == ["none", "before_activation"] * 2
    assert {"pairs", "arms", "curves-0"} <= set(compared.figure_names)
    assert compared.figure("pairs").data
    assert "0 of 1 pairs are decided" in " ".join(str(compared).split())
    assert "<caption>Arms</caption>" in compared._repr_html_()


def test_the_module_of_the_command_can_be_called_like_the_function() -> None:
    import search.compare

    with pytest.raises(UsageError, match="axis"):
        search.compare(axes="batch_norm")
    with pytest.raises(UsageError, match="dry run has no result"):
        search.compare(dry_run=True)
    with pytest.raises(UsageError, match="name the experiment"):
        search.compare(published="bn-and-dropout")


def test_a_notebook_shows_sentences_and_tables_in_which_nothing_is_markup(found: search.Result) -> None:
    shown = found._repr_html_()
    assert "All 14 trials of study are finished" in shown
    assert "<caption>Best trials</caption>" in shown
    assert html_page(["<script>"], []) == "<p>&lt;script&gt;</p>"


def test_a_search_has_no_pairs(found: search.Result) -> None:
    assert found.comparison is None
    assert len(found.pairs) == len(found.arms) == 0


def test_a_figure_is_written_for_a_paper(found: search.Result, tmp_path: Path) -> None:
    pytest.importorskip("kaleido", reason="the extra figures isn't installed")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        pytest.skip("there is no Chrome or Chromium")
    found.save_figure("history", tmp_path / "history.pdf")
    assert (tmp_path / "history.pdf").read_bytes().startswith(b"%PDF")
    found.save_figure("history", tmp_path / "history.svg")
    assert (tmp_path / "history.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_figure_that_cannot_be_written_says_what_to_do(
    found: search.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"\.svg or \.pdf or \.png"):
        found.save_figure("history", tmp_path / "history.gif")
    monkeypatch.setattr("search.api.figure_file.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'keras-image-search\[figures\]'.*camera gives SVG"):
        save_figure(found.figure("history"), tmp_path / "history.svg")
    assert list(tmp_path.glob("history*")) == []
