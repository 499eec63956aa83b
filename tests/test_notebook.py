"""The display for notebooks: bars while files go, a line for each that ended."""

import doctest
import io
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.support.parquet_files import write_good
from tests.support.servers import moto_server, use

import tiktok_upload
from tiktok_upload import Connection, Display, PushOptions, push
from tiktok_upload.events import FilePlanned, FileProgress, Progress
from tiktok_upload.plan import UploadPlan


def progress(stored: int) -> Progress:
    file = FileProgress("a.parquet", 100, stored, 0, 0, 1, 0, "sending")
    return Progress((file,), 0, 1, 100, stored, stored, 1.0)


def test_a_file_under_way_has_a_bar_that_grows() -> None:
    screen = io.StringIO()
    with Display(Console(file=screen, width=100, force_terminal=True)) as display:
        display(FilePlanned("a.parquet", "s3://bkt/a.parquet", UploadPlan(100, 10)))
        display(progress(40))
    assert "a.parquet" in screen.getvalue()
    assert "40/100 bytes" in screen.getvalue()


def test_the_end_of_each_file_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = write_good(tmp_path / "good.parquet"), tmp_path / "bad.parquet"
    bad.write_text("a,b\n1,2\n")
    screen = io.StringIO()
    with moto_server() as server, Display(Console(file=screen, width=200)) as display:
        use(monkeypatch, server)
        report = push(
            [good, bad],
            to=f"s3://{server.bucket}/in/",
            options=PushOptions(connection=Connection(endpoint_url=server.endpoint, addressing="path")),
            state_directory=tmp_path / "state",
            observe=display,
        )
    assert [file.status for file in report.files] == ["uploaded", "failed"]
    assert f"uploaded: s3://{server.bucket}/in/good.parquet" in screen.getvalue()
    assert "error: " in screen.getvalue()


def test_in_jupyter_it_is_html(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    module = types.ModuleType("IPython.display")
    module.__dict__["display"] = shown.append
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    display = Display(Console(force_jupyter=True))
    display._line("uploaded: s3://bkt/a.parquet")
    (bundle,) = shown
    assert "uploaded: s3://bkt/a.parquet" in bundle._repr_mimebundle_([], [])["text/html"]


def test_the_examples_in_the_package_are_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(tiktok_upload).failed == 0
