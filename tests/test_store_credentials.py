"""Credentials stay good: files are read anew, an expired token is tried once with fresh ones, one thread renews."""

import datetime as dt
import os
import threading
from collections.abc import Callable
from pathlib import Path

import botocore.session
import pytest
from tests.support.hostile_s3 import HostileS3

from tiktok_upload.errors import CredentialsError
from tiktok_upload.settings import Connection
from tiktok_upload.store import Clients, credentials

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes the shared file; each time it is another one to whoever looks at its marks."""
    path = tmp_path / "credentials"
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(credentials, "_LOOK_EVERY_S", 0.0)
    times = iter(range(1_000_000_000, 2_000_000_000))

    def write(key: str, **more: str) -> Path:
        lines = {"aws_access_key_id": key, "aws_secret_access_key": "secret", **more}
        path.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))
        os.utime(path, (at := next(times), at))
        return path

    return write


def clients(endpoint: str = "https://s3.invalid") -> Clients:
    made = Clients(Connection(endpoint_url=endpoint, region="us-east-1"), stall_s=5.0, connections=4, version="0")
    _ = made.quick
    return made


def key_of(made: Clients) -> str:
    assert made._credentials is not None
    return str(made._credentials.get_frozen_credentials().access_key)


def test_keys_that_somebody_renews_on_disk_are_used_from_then_on(keys: Callable[..., Path]) -> None:
    keys("AKIDFIRST")
    made = clients()
    assert (key_of(made), made.credentials_generation) == ("AKIDFIRST", 0)
    keys("AKIDSECOND")
    assert (key_of(made), made.credentials_generation) == ("AKIDSECOND", 1)


def test_a_file_that_is_being_written_leaves_the_old_keys(keys: Callable[..., Path]) -> None:
    path = keys("AKIDFIRST")
    made = clients()
    path.write_text("[default]\n")
    assert key_of(made) == "AKIDFIRST"
    keys("AKIDTHIRD")
    assert key_of(made) == "AKIDTHIRD"


def test_an_expired_token_is_renewed_once_for_all_threads_that_met_it(
    keys: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_LOOK_EVERY_S", 3_600.0)
    keys("AKIDFIRST")
    made = clients()
    assert made.renew_credentials(0) is False  # nobody has written others
    keys("AKIDSECOND")
    loads: list[int] = []
    assert made._credentials is not None
    original = made._credentials._make_session

    def counted() -> botocore.session.Session:
        loads.append(1)
        return original()

    made._credentials._make_session = counted
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(made.renew_credentials(0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, len(loads), made.credentials_generation) == ([True] * 8, 1, 1)


def test_a_source_that_fails_meanwhile_is_no_renewal(keys: Callable[..., Path], tmp_path: Path) -> None:
    keys("AKIDFIRST")
    made = clients()
    (tmp_path / "credentials").unlink()
    (tmp_path / "config").write_text("[default]\ncredential_process = /no/such/program\n")
    assert made.renew_credentials(0) is False
    assert key_of(made) == "AKIDFIRST"


@pytest.mark.parametrize("name", ["aws_expiration", "x_security_token_expires", "expiration"])
def test_when_temporary_keys_end_is_known_where_the_tool_that_wrote_them_says_it(
    keys: Callable[..., Path], name: str
) -> None:
    end = dt.datetime(2026, 11, 27, 13, tzinfo=dt.UTC)
    keys("ASIATEMPORARY", aws_session_token="token", **{name: end.isoformat()})
    assert clients().credentials_end == end


def test_keys_without_an_end_have_none(keys: Callable[..., Path]) -> None:
    keys("AKIDFOREVER", expiration="soon")
    assert clients().credentials_end is None


def test_no_keys_at_all_are_told_at_once(keys: Callable[..., Path]) -> None:
    keys("AKIDFIRST").unlink()
    with pytest.raises(CredentialsError):
        clients()


def test_requests_are_signed_with_the_keys_of_the_moment(keys: Callable[..., Path], tmp_path: Path) -> None:
    with HostileS3(tmp_path / "s3", {"AKIDFIRST": "secret", "AKIDSECOND": "secret"}) as s3:
        s3.make_bucket("bkt")
        keys("AKIDFIRST")
        made = clients(s3.endpoint)
        made.quick.put_object(Bucket="bkt", Key="a", Body=b"1")
        del s3.credentials["AKIDFIRST"]
        keys("AKIDSECOND")
        made.quick.put_object(Bucket="bkt", Key="b", Body=b"2")
        assert sorted(s3.objects("bkt")) == ["a", "b"]
