"""How the store is reached: what boto3's clients are made of, without a byte leaving this machine."""

import contextlib
import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from tests.support import servers

from tiktok_upload.errors import CredentialsError, UploadToolError, UsageError
from tiktok_upload.settings import Connection
from tiktok_upload.store import Clients
from tiktok_upload.store.connection import COMPLETE_S

SECRET = "wJalrXUtnFEMI"
BUNDLE = Path(botocore.httpsession.__file__).with_name("cacert.pem")

Opens = Callable[..., Clients]


@pytest.fixture(autouse=True)
def _nothing_of_the_machine_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    servers.forget_environment(monkeypatch)
    servers.share_models(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def opens() -> Iterator[Opens]:
    """Makes clients from the fields of a `Connection`, and closes them."""
    with contextlib.ExitStack() as stack:

        def make(*, stall_s: float = 30.0, **connection: Any) -> Clients:
            clients = Clients(Connection(**connection), stall_s=stall_s, connections=3, version="9.9")
            stack.callback(clients.close)
            return clients

        yield make


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


class _Raw(io.BytesIO):
    """What urllib3 would have brought."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield from iter(lambda: self.read(1024), b"")


def request_of(clients: Clients) -> AWSPreparedRequest:
    """The request of a PutObject as it would have gone out; it is answered in here."""
    seen: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Raw())

    events: Any = clients.quick.meta.events
    for path in clients._paths:  # it would send, whoever answered
        events.unregister("before-send.s3.PutObject", path)
    events.register("before-send.s3.PutObject", answer)
    clients.quick.put_object(Bucket="bkt", Key="k", Body=b"content", ContentMD5="mgNkuembtIDdJeHwKEyFVQ==")
    return seen[0]


def header(request: AWSPreparedRequest, name: str) -> str:
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else value


def error_of(make: Callable[[], Clients], kind: type[UploadToolError]) -> UploadToolError:
    with pytest.raises(kind) as caught:
        _ = make().quick
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.kept}"
    return caught.value


# Credentials


@pytest.mark.usefixtures("without_credentials")
def test_no_credentials_are_told_before_anything_is_sent(opens: Opens) -> None:
    error = error_of(opens, CredentialsError)
    assert (error.exit_code, error.kept) == (5, "nothing was sent")


@pytest.mark.usefixtures("without_credentials")
def test_a_key_id_without_its_secret_is_no_credentials(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    error_of(opens, CredentialsError)


@pytest.mark.usefixtures("without_credentials")
@pytest.mark.parametrize(
    "lines",
    [
        "aws_access_key_id = AKIDEXAMPLE",
        "credential_process = /no/such/program",
        "credential_process = false",
    ],
)
def test_a_profile_that_gives_no_whole_credentials(opens: Opens, config_file: Path, lines: str) -> None:
    config_file.write_text(f"[profile team]\n{lines}\n")
    error_of(lambda: opens(profile="team"), CredentialsError)


@pytest.mark.usefixtures("without_credentials")
def test_the_profile_s_credentials_are_used(opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials"
    path.write_text(f"[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert "Credential=AKIDTEAM/" in header(request_of(opens(profile="team")), "Authorization")


def test_a_session_token_goes_along(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert header(request_of(opens()), "X-Amz-Security-Token") == "token"


# Settings that are wrong


def test_wrong_settings_are_no_matter_until_a_client_is_needed(opens: Opens) -> None:
    opens(profile="nobody", endpoint_url="nowhere").close()


def test_an_unknown_profile_is_a_wrong_option(opens: Opens) -> None:
    assert "--profile" in error_of(lambda: opens(profile="nobody"), UsageError).hint


def test_an_unknown_profile_in_the_environment_is_a_wrong_setting(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    error_of(opens, UsageError)


@pytest.mark.parametrize(
    "text",
    [
        "[profile team\nregion = eu-west-1\n",
        "[profile team]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = gone\n",
    ],
    ids=["no section", "no source profile"],
)
def test_a_configuration_that_cannot_be_read_is_a_wrong_setting(opens: Opens, config_file: Path, text: str) -> None:
    config_file.write_text(text)
    error_of(lambda: opens(profile="team"), UsageError)


@pytest.mark.parametrize(
    "url",
    ["", "store.example:9000", "127.0.0.1:9000", "http://", "http://a b", "ftp://store.example", "http://h:99999"],
)
def test_an_endpoint_that_is_no_url_of_a_store_is_a_wrong_option(opens: Opens, url: str) -> None:
    assert "--endpoint-url" in error_of(lambda: opens(endpoint_url=url), UsageError).hint


def test_a_region_that_is_no_name_is_a_wrong_option(opens: Opens) -> None:
    error_of(lambda: opens(region="eu west"), UsageError)


@pytest.mark.parametrize("text", [None, "", "no certificate"], ids=["missing", "empty", "other"])
def test_a_ca_bundle_that_holds_no_certificate_is_a_wrong_option(
    opens: Opens, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    error = error_of(lambda: opens(endpoint_url="https://store.example", ca_bundle=str(path)), UsageError)
    assert "--ca-bundle" in error.hint


def test_a_ca_bundle_is_taken(opens: Opens) -> None:
    client: Any = opens(endpoint_url="https://store.example", ca_bundle=str(BUNDLE)).quick
    assert client._endpoint.http_session._verify == str(BUNDLE)


@pytest.mark.parametrize("name", ["AWS_RETRY_MODE", "AWS_DEFAULTS_MODE", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"])
def test_a_variable_that_botocore_refuses_is_a_wrong_setting(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "nonsense")
    error_of(opens, UsageError)


# Region and endpoint


def test_there_is_a_region_where_nobody_chose_one(opens: Opens) -> None:
    assert opens().quick.meta.region_name == "us-east-1"


def test_the_nearest_choice_of_a_region_counts(
    opens: Opens, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = "aws_access_key_id = AKIDTEAM\naws_secret_access_key = x"
    config_file.write_text(f"[profile team]\nregion = ca-central-1\n{credentials}\n")
    found = [opens(profile="team").quick.meta.region_name]
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    found.append(opens(profile="team").quick.meta.region_name)
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    found.append(opens(profile="team").quick.meta.region_name)
    found.append(opens(profile="team", region="eu-west-3").quick.meta.region_name)
    assert found == ["ca-central-1", "eu-west-1", "eu-west-2", "eu-west-3"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"])
def test_aws_s_own_endpoint_has_no_name(opens: Opens, region: str) -> None:
    assert opens(region=region).endpoint == ""


@pytest.mark.parametrize("url", ["https://store.example", "http://127.0.0.1:9000", "https://s3.amazonaws.com.example"])
def test_another_store_s_endpoint_is_its_url(opens: Opens, url: str) -> None:
    assert opens(endpoint_url=url).endpoint == url


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_in_the_environment_is_heard(opens: Opens, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "https://store.example")
    assert opens().endpoint == "https://store.example"


@pytest.mark.parametrize(
    ("addressing", "url"),
    [("path", "https://store.example/bkt/k"), ("virtual", "https://bkt.store.example/k")],
)
def test_the_bucket_stands_where_the_store_wants_it(opens: Opens, addressing: str, url: str) -> None:
    assert request_of(opens(endpoint_url="https://store.example", addressing=addressing)).url == url


# What is signed


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://store.example",
        "http://127.0.0.1:9000",
        "http://127.8.9.1",
        "http://[::1]:9000",
        "http://localhost",
    ],
)
def test_a_body_is_not_hashed_where_nobody_can_change_it_on_its_way(opens: Opens, url: str | None) -> None:
    request = request_of(opens(endpoint_url=url, addressing="path"))
    assert header(request, "X-Amz-Content-SHA256") == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    "url",
    [
        "http://store.example",
        "http://10.0.0.5:9000",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "HTTP://h",
    ],
)
def test_a_body_is_signed_where_it_travels_in_the_open(opens: Opens, url: str) -> None:
    request = request_of(opens(endpoint_url=url, addressing="path"))
    assert header(request, "X-Amz-Content-SHA256") == hashlib.sha256(b"content").hexdigest()


# What every client has


def test_a_client_makes_each_request_once_whatever_the_environment_says(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    clients = opens()
    configs: list[Any] = [clients.quick.meta.config, clients.patient.meta.config]
    assert [config.retries["total_max_attempts"] for config in configs] == [1, 1]


def test_a_client_adds_no_checksums_whatever_the_environment_says(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    request = request_of(opens())
    assert [name for name in request.headers if "checksum" in name.lower() or "trailer" in name.lower()] == []
    assert "Content-Encoding" not in request.headers


def test_only_complete_may_keep_silent_for_long(opens: Opens) -> None:
    clients = opens(stall_s=12.0)
    quick: Any = clients.quick.meta.config
    patient: Any = clients.patient.meta.config
    assert (quick.read_timeout, quick.connect_timeout) == (12.0, 12.0)
    assert (patient.read_timeout, patient.connect_timeout) == (COMPLETE_S, 12.0)


def test_there_is_a_connection_for_each_request_in_flight(opens: Opens) -> None:
    config: Any = opens().quick.meta.config
    assert (config.max_pool_connections, config.tcp_keepalive) == (3, True)


def test_the_tool_names_itself(opens: Opens) -> None:
    assert "tiktok-upload/9.9" in header(request_of(opens()), "User-Agent")


def test_all_threads_share_one_client(opens: Opens) -> None:
    clients = opens()
    together = threading.Barrier(4)

    def ask(_: int) -> int:
        together.wait()
        return id(clients.quick)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


def test_closing_is_safe_before_and_after_use(opens: Opens) -> None:
    clients = opens()
    clients.close()
    request_of(clients)
    clients.close()
    clients.close()
