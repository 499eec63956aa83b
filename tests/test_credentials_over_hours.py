"""One-hour credentials carry an upload of four hours: renewed in time, no part fails; and what is told where not.

The hours are an injected clock's: each part that the store takes costs ten minutes of it.
"""

import datetime as dt
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.credentials
import pytest
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.sample import write_sample

from tiktok_upload import PushOptions, push
from tiktok_upload.events import Event, PartRetried, RunReport
from tiktok_upload.settings import Connection

PART = 5 << 20
TEN_MINUTES = dt.timedelta(minutes=10)

PROGRAM = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
count = int((folder / "count").read_text()) + 1
(folder / "count").write_text(str(count))
(folder / f"token-{count}").write_text((folder / "end").read_text())
print(json.dumps({"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret",
                  "SessionToken": f"token-{count}", "Expiration": (folder / "end").read_text()}))
"""


class Hours:
    """A clock that moves with the parts, a program that gives keys for an hour, a store that refuses older ones."""

    def __init__(self, folder: Path, s3: HostileS3) -> None:
        self._folder = folder
        self._s3 = s3
        self.now = dt.datetime.now(dt.UTC)
        (folder / "count").write_text("0")
        (folder / "program.py").write_text(PROGRAM)
        self._promise()

    def _promise(self) -> None:
        """What the program says of the next keys."""
        (self._folder / "end").write_text((self.now + dt.timedelta(hours=1)).isoformat())

    def pass_by(self, _request: object) -> None:
        """Ten minutes more."""
        self.now += TEN_MINUTES
        self._promise()
        # Not by the store's own clock, which would find the requests' dates skewed.
        ends = {path.name: dt.datetime.fromisoformat(path.read_text()) for path in self._folder.glob("token-*")}
        self._s3.expired_tokens |= {token for token, end in ends.items() if end <= self.now}

    @property
    def renewals(self) -> int:
        """How often the program was asked again."""
        return int((self._folder / "count").read_text()) - 1

    def left(self, credentials: botocore.credentials.RefreshableCredentials) -> float:
        """Instead of botocore's own clock."""
        return float((credentials._expiry_time - self.now).total_seconds())  # type: ignore[attr-defined]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3") as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def hours(s3: HostileS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hours:
    made = Hours(tmp_path, s3)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {tmp_path / 'program.py'} {tmp_path}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def left(credentials: botocore.credentials.RefreshableCredentials) -> float:
        return made.left(credentials)

    monkeypatch.setattr(botocore.credentials.RefreshableCredentials, "_seconds_remaining", left)
    return made


def deliver(s3: HostileS3, source: Path, tmp_path: Path, heard: list[Event]) -> RunReport:
    options = PushOptions(
        concurrency=1,
        part_size=PART,
        connection=Connection(endpoint_url=s3.endpoint, region="us-east-1", addressing="path"),
        retry_for_s=5.0,
    )
    return push(source, to="s3://bkt/in/", options=options, state_directory=tmp_path / "state", observe=heard.append)


def test_one_hour_credentials_carry_four_hours_with_no_part_failed(s3: HostileS3, hours: Hours, tmp_path: Path) -> None:
    source = write_sample(tmp_path / "day.parquet", 120)
    s3.script(Fault.call("UploadPart", hours.pass_by, times=None))
    heard: list[Event] = []
    report = deliver(s3, source, tmp_path, heard)
    assert (report.exit_code, report.files[0].status) == (0, "uploaded")
    assert 4 <= hours.renewals <= 6
    assert [event for event in heard if isinstance(event, PartRetried)] == []
    assert s3.objects("bkt")["in/day.parquet"].path.read_bytes() == source.read_bytes()


def test_a_token_that_the_store_calls_expired_is_tried_once_with_a_fresh_one(
    s3: HostileS3, hours: Hours, tmp_path: Path
) -> None:
    source = write_sample(tmp_path / "a.parquet", 15)
    s3.script(Fault.call("UploadPart", lambda _: s3.expired_tokens.add("token-1"), skip=1))
    heard: list[Event] = []
    report = deliver(s3, source, tmp_path, heard)
    assert (report.exit_code, hours.renewals) == (0, 1)
    reasons = [event.reason for event in heard if isinstance(event, PartRetried)]
    assert set(reasons) == {"400 ExpiredToken"}
    assert s3.objects("bkt")["in/a.parquet"].path.read_bytes() == source.read_bytes()


@pytest.mark.usefixtures("hours")
def test_without_a_fresh_one_it_ends_with_5_says_what_to_do_and_goes_on_the_next_time(
    s3: HostileS3, tmp_path: Path
) -> None:
    source = write_sample(tmp_path / "a.parquet", 15)
    every = {f"token-{number}" for number in range(1, 9)}
    s3.script(Fault.call("UploadPart", lambda _: s3.expired_tokens.update(every), skip=1))
    report = deliver(s3, source, tmp_path, [])
    (file,) = report.files
    assert file.error is not None
    assert (report.exit_code, file.error.name, file.error.resumable) == (5, "expired", True)
    assert "log in again" in file.error.hint
    assert file.error.kept.startswith("2 parts, 10 MiB")
    s3.expired_tokens.clear()
    again = deliver(s3, source, tmp_path, [])
    assert (again.exit_code, again.files[0].parts_reused) == (0, 2)
