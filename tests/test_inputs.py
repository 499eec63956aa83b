"""Which files a command means, and the names they keep."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiktok_upload.errors import SourceError
from tiktok_upload.inputs import find_inputs, names_one_file, size_of

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
any_bytes = pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="this system takes only Unicode names")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"rows")


def names(*given: str) -> list[str]:
    """What the files found are called; all of them are found."""
    found = find_inputs(given)
    assert [item.error for item in found] == [None] * len(found)
    return [item.name for item in found]


def missing(*given: str) -> list[tuple[str, str]]:
    """Path and message of each input, none of which is found."""
    shown = []
    for item in find_inputs(given):
        assert isinstance(item.error, SourceError)
        assert (item.error.exit_code, item.error.name) == (4, "no_such_file")
        shown.append((str(item.path), item.error.message))
    return shown


# ---------------------------------------------------------------------------------------------------------- directories
def test_of_a_directory_every_parquet_file_below_it_is_meant_and_keeps_its_path_below() -> None:
    make("d/b.parquet", "d/a.parquet", "d/dt=2026-11-23/part-0.parquet", "d/dt=2026-11-23/hour=7/part-1.parquet")
    expected = ["a.parquet", "b.parquet", "dt=2026-11-23/part-0.parquet", "dt=2026-11-23/hour=7/part-1.parquet"]
    for given in ("d", "d/", f"d{os.sep}", "./d", "d/../d"):
        assert names(given) == expected


def test_other_kinds_of_files_in_a_directory_are_left_out() -> None:
    make("d/a.parquet", "d/readme.txt", "d/a.parquet.crc", "d/parquet", "d/a.csv")
    assert names("d") == ["a.parquet"]


def test_hidden_and_underscored_names_are_left_out_at_any_depth() -> None:
    make("d/a.parquet", "d/.b.parquet", "d/_c.parquet", "d/.hidden/d.parquet", "d/_temporary/0/e.parquet")
    make("d/x/_f.parquet", "d/x/.g.parquet", "d/x/_spark/h.parquet", "d/x/y/i.parquet", "d/x/y/.z/j.parquet")
    assert names("d") == ["a.parquet", "x/y/i.parquet"]


def test_a_directory_that_is_named_itself_may_be_hidden_or_underscored() -> None:
    make(".d/a.parquet", "_e/b.parquet", ".d/c/d.parquet")
    assert names(".d", "_e") == ["a.parquet", "c/d.parquet", "b.parquet"]


def test_a_file_that_is_named_itself_may_be_hidden_underscored_or_of_any_ending() -> None:
    make("d/_a.parquet", ".b.parquet", "c.pq")
    assert names("d/_a.parquet", ".b.parquet", "c.pq") == ["_a.parquet", ".b.parquet", "c.pq"]


def test_a_directory_whose_name_ends_as_a_file_does_is_a_directory() -> None:
    make("table.parquet/part-0.parquet", "d/table.parquet/part-1.parquet")
    assert names("table.parquet") == ["part-0.parquet"]
    assert names("d") == ["table.parquet/part-1.parquet"]


def test_the_working_directory_is_a_directory() -> None:
    make("a.parquet", "d/b.parquet")
    assert names(".") == ["a.parquet", "d/b.parquet"]


@pytest.mark.parametrize("content", [[], ["d/readme.txt"], ["d/.hidden.parquet", "d/_temporary/a.parquet"]])
def test_a_directory_without_such_a_file_is_an_error_of_its_own(content: list[str]) -> None:
    Path("d").mkdir()
    make(*content, "e/a.parquet")
    assert missing("d") == [("d", "there is no *.parquet file below d")]
    assert [item.error is None for item in find_inputs(["d", "e"])] == [False, True]


def test_a_directory_below_that_cannot_be_listed_is_told_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    make("d/a.parquet", "d/secret/b.parquet")
    _refuse_listing(monkeypatch, "secret")
    errors = [item.error for item in find_inputs(["d"]) if item.error is not None]
    assert [error.exit_code for error in errors] == [4]
    assert "secret" in errors[0].message


def _refuse_listing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As a directory that its owner alone can list, for everybody who runs these tests, root too."""

    def refusing(listing: Callable[..., Any]) -> Callable[..., Any]:
        def list_others(path: Any = ".") -> Any:
            if os.path.basename(os.fspath(path)) == name:  # noqa: PTH119 - it may be bytes
                raise PermissionError(13, "Permission denied", path)
            return listing(path)

        return list_others

    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    monkeypatch.setattr(os, "listdir", refusing(os.listdir))


@posix
def test_a_link_to_a_file_is_a_file_and_one_to_a_directory_is_not_followed() -> None:
    make("elsewhere/a.parquet", "d/b.parquet", "d/e/c.parquet")
    Path("d/linked.parquet").symlink_to("../elsewhere/a.parquet")
    Path("d/linked").symlink_to("../elsewhere")
    Path("d/e/loop").symlink_to("..")
    Path("d/e/self.parquet").symlink_to(".")
    assert names("d") == ["b.parquet", "linked.parquet", "e/c.parquet"]


@posix
def test_a_link_that_is_named_itself_is_followed() -> None:
    make("elsewhere/a.parquet")
    Path("link").symlink_to("elsewhere")
    assert names("link") == ["a.parquet"]


# ---------------------------------------------------------------------------------------------------------------- globs
def test_a_glob_means_the_files_that_match_in_their_order() -> None:
    make("b1.parquet", "a1.parquet", "a2.parquet", "a10.parquet", "c.txt")
    assert names("a*.parquet") == ["a1.parquet", "a10.parquet", "a2.parquet"]
    assert names("a?.parquet") == ["a1.parquet", "a2.parquet"]
    assert names("[bc]*") == ["b1.parquet", "c.txt"]


def test_a_glob_may_cross_directories() -> None:
    make("d/a.parquet", "d/x/b.parquet", "d/x/y/c.parquet", "d/x/y/d.txt", "d/.hidden/e.parquet")
    assert names("d/**/*.parquet") == ["a.parquet", "b.parquet", "c.parquet"]
    assert names("d/*/*.parquet") == ["b.parquet"]


def test_a_glob_that_matches_a_directory_means_what_is_below_it() -> None:
    make("dt=1/a.parquet", "dt=1/x/b.parquet", "dt=1/_c.parquet", "dt=2/d.parquet", "other/e.parquet")
    assert names("dt=*") == ["a.parquet", "x/b.parquet", "d.parquet"]


def test_a_glob_of_everything_names_each_file_once() -> None:
    make("d/a.parquet", "d/x/b.parquet", "d/x/y/c.parquet")
    assert names("d/**") == ["a.parquet", "x/b.parquet", "x/y/c.parquet"]


def test_a_glob_may_be_absolute(here: Path) -> None:
    make("d/a.parquet", "d/b.parquet")
    (here / "e").mkdir()
    assert [item.path for item in find_inputs([str(here / "d" / "*.parquet")])] == [
        here / "d" / "a.parquet",
        here / "d" / "b.parquet",
    ]


def test_a_glob_that_matches_nothing_is_an_error_of_its_own() -> None:
    make("a.txt")
    Path("empty").mkdir()
    assert missing("*.parquet") == [("*.parquet", "no file matches *.parquet")]
    assert missing("em*") == [("em*", "no file matches em*")]


@posix
def test_a_glob_that_meets_a_loop_of_links_names_each_file_once() -> None:
    make("d/e/a.parquet")
    Path("d/e/loop").symlink_to("..")
    assert names("d/**/*.parquet") == ["a.parquet"]


@pytest.mark.parametrize("name", ["a[1].parquet", "[x]", "a[!b].parquet"])
def test_a_file_whose_own_name_looks_like_a_glob_is_that_file(name: str) -> None:
    make(name, "a1.parquet", "x")
    assert names(name) == [name]
    assert names_one_file([name])


@posix
@pytest.mark.parametrize("name", ["*.parquet", "a?.parquet", "**"])
def test_a_file_whose_own_name_is_a_glob_of_others_is_that_file(name: str) -> None:
    make(name, "a1.parquet", "a2.parquet")
    assert names(name) == [name]


def test_a_directory_whose_own_name_looks_like_a_glob_is_that_directory() -> None:
    make("d[1]/a.parquet", "d1/b.parquet")
    assert names("d[1]") == ["a.parquet"]


@posix
def test_a_broken_link_whose_name_looks_like_a_glob_is_left_to_whoever_opens_it() -> None:
    Path("a*.parquet").symlink_to("nowhere")
    make("ab.parquet")
    assert names("a*.parquet") == ["a*.parquet"]


# ---------------------------------------------------------------------------------------------------------- many inputs
def test_the_order_is_that_given() -> None:
    make("d/z.parquet", "d/a.parquet", "m.parquet", "b1.parquet", "b2.parquet")
    assert names("m.parquet", "d", "b*") == ["m.parquet", "a.parquet", "z.parquet", "b1.parquet", "b2.parquet"]
    assert names("b*", "d", "m.parquet") == ["b1.parquet", "b2.parquet", "a.parquet", "z.parquet", "m.parquet"]


def test_a_file_that_is_meant_twice_is_found_once_as_it_was_meant_first(here: Path) -> None:
    make("d/x/a.parquet")
    many = [
        "d/x/a.parquet",
        "./d/x/a.parquet",
        "d//x/a.parquet",
        str(here / "d" / "x" / "a.parquet"),
        "d",
        "d/x",
        "d/*",
    ]
    assert names(*many) == ["a.parquet"]
    assert names(*reversed(many)) == ["a.parquet"]
    assert names("d", *many) == ["x/a.parquet"]


def test_what_is_missing_is_named_once_too() -> None:
    assert len(missing("*.parquet", "*.parquet", "d*")) == 2


def test_nothing_given_is_nothing_found() -> None:
    assert find_inputs([]) == []


def test_a_missing_file_is_left_to_whoever_opens_it() -> None:
    (item,) = find_inputs(["d/no-such.parquet"])
    assert (item.path, item.name, item.error) == (Path("d/no-such.parquet"), "no-such.parquet", None)


def test_an_empty_text_does_not_mean_the_working_directory() -> None:
    make("private.parquet")  # push "$UNSET" must not send it
    assert [item.error is None for item in find_inputs([""])] in ([], [False])
    assert "private.parquet" not in [item.name for item in find_inputs([""])]


@pytest.mark.parametrize(
    "text", ["x" * 300, "x" * 5_000, "zero\0byte", "x" * 300 + "*"], ids=["name", "path", "zero", "glob"]
)
def test_a_text_that_can_name_no_file_is_an_input_all_the_same(text: str) -> None:
    make("a.parquet")
    first, second = find_inputs([text, "a.parquet"])
    assert (str(first.path), second.name) == (text, "a.parquet")
    names_one_file([text])
    assert size_of(first.path) == 0


# ---------------------------------------------------------------------------------------------------------------- names
@posix
@pytest.mark.parametrize(
    "name", ["with space", "line\nfeed", "größe-東京", "-n", 'q"\\uote', "back\\slash", "tab\t", "a:b"]
)
def test_any_name_is_kept_from_a_directory_a_glob_and_by_itself(name: str) -> None:
    file = f"{name}.parquet"
    make(f"d/{name}/{file}")
    assert names("d") == [f"{name}/{file}"]
    assert names("d/*/*.parquet") == [file]
    assert names(f"d/{name}/{file}") == [file]


@any_bytes
def test_names_that_are_not_utf_8_keep_their_bytes() -> None:
    file = os.fsdecode(b"latin-\xff.parquet")
    make(f"d/{file}")
    for given, name in (("d", file), ("d/*", file), (f"d/{file}", file), (".", f"d/{file}")):
        (item,) = find_inputs([given])
        assert item.name == name
        assert os.fsencode(item.path) == b"d/latin-\xff.parquet"


def test_errors_show_names_escaped() -> None:
    assert missing("no\u202esuch*") == [("no\u202esuch*", "no file matches no\\u202esuch*")]


@pytest.mark.parametrize("given", ["d", "d/*.parquet", "d/a.parquet"])
def test_a_relative_path_stays_relative_and_an_absolute_one_absolute(here: Path, given: str) -> None:
    make("d/a.parquet")
    (relative,) = find_inputs([given])
    (absolute,) = find_inputs([str(here / given)])
    assert relative.path == Path("d/a.parquet")
    assert absolute.path == here / "d" / "a.parquet"
    assert relative.name == absolute.name == "a.parquet"


# ------------------------------------------------------------------------------------------------------------- one file
def test_one_file_is_named_by_its_own_path_only() -> None:
    make("d/a.parquet", "b.parquet")
    cases: dict[tuple[str, ...], bool] = {
        ("b.parquet",): True,
        ("no-such",): True,
        ("d",): False,
        ("d/",): False,
        ("b*",): False,
    }
    cases |= {("d/a.parquet", "b.parquet"): False, ("b.parquet", "b.parquet"): False, (): False, ("*",): False}
    assert {given: names_one_file(given) for given in cases} == cases


def test_the_size_is_that_of_the_file_or_nothing() -> None:
    make("a.parquet")
    assert [size_of(Path(name)) for name in ("a.parquet", "no-such", "a.parquet/below")] == [4, 0, 0]
