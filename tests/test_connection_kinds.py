"""Each way to credentials and to a store that boto3 knows: access points, variants of AWS, proxies; all on loopback."""

import contextlib
import datetime as dt
import hashlib
import http.client
import io
import json
import shlex
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from tests.support import servers
from tests.support.command import CREDENTIALS, run_here
from tests.support.hostile_s3 import HostileS3
from tests.support.parquet_files import write_good

from tiktok_upload.destination import parse_destination
from tiktok_upload.errors import CredentialsError, UsageError
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.store import Clients, S3Store

KEY_ID, SECRET, TOKEN = "AKIDOFTHEFAKE", "SECRETOFTHEFAKE", "TOKENOFTHEFAKE"
ACCESS_POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"
CLOSED = "http://127.0.0.1:9"
"""Nobody listens there: what would leave this machine ends at once."""

Opens = Callable[..., Clients]


@pytest.fixture(autouse=True)
def _nothing_of_the_machine_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    servers.forget_environment(monkeypatch)
    servers.share_models(monkeypatch)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def opens() -> Iterator[Opens]:
    """Makes clients from the fields of a `Connection`, and closes them."""
    with contextlib.ExitStack() as stack:

        def make(**connection: Any) -> Clients:
            clients = Clients(Connection(**connection), stall_s=30.0, connections=3, version="9.9")
            stack.callback(clients.close)
            return clients

        yield make


class _Raw(io.BytesIO):
    """What urllib3 would have brought."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield from iter(lambda: self.read(1024), b"")


def request_of(clients: Clients, bucket: str = "bkt") -> AWSPreparedRequest:
    """The request of a PutObject as it would have gone out; it is answered in here."""
    seen: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Raw())

    events: Any = clients.quick.meta.events
    for path in clients._paths:  # it would send, whoever answered
        events.unregister("before-send.s3.PutObject", path)
    events.register("before-send.s3.PutObject", answer)
    clients.quick.put_object(Bucket=bucket, Key="in/k", Body=b"content", ContentMD5="mgNkuembtIDdJeHwKEyFVQ==")
    return seen[0]


def header(request: AWSPreparedRequest, name: str) -> str:
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else value


def store_of(clients: Clients, bucket: str = "bkt") -> S3Store:
    return S3Store(clients, bucket, proof="crc64nvme", options=ObjectOptions())


# ------------------------------------------------------------------------------------------------------ access points
@pytest.mark.parametrize(
    "arn",
    [
        ACCESS_POINT,
        "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/mine",
        "arn:aws-us-gov:s3:us-gov-west-1:123456789012:accesspoint:mine",
        "arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/mine",
        "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
    ],
)
@pytest.mark.parametrize(("rest", "key"), [("", ""), ("/", ""), ("/in/", "in/"), ("/in/k.parquet", "in/k.parquet")])
def test_an_access_point_s_arn_stands_for_a_bucket(arn: str, rest: str, key: str) -> None:
    place = parse_destination(f"s3://{arn}{rest}")
    assert (place.bucket, place.key) == (arn, key)
    assert parse_destination(place.uri_of("in/k")).bucket == arn


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/",
        "arn:aws:s3:eu-west-1:123:accesspoint/mine",
        "arn:aws:s3:eu-west-1:123456789012:bucket/mine",
        "arn:aws:iam::123456789012:role/mine",
        "arn:aws:s3:::bkt",
    ],
)
def test_an_arn_of_something_else_is_no_bucket(text: str) -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        parse_destination(f"s3://{text}/in/")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "https://mine-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/in/k"),
        ({"dualstack": True}, "https://mine-123456789012.s3-accesspoint.dualstack.eu-west-1.amazonaws.com/in/k"),
        ({"endpoint_url": "https://store.example"}, "https://mine-123456789012.store.example/in/k"),
    ],
)
def test_an_access_point_is_asked_at_its_own_host_in_its_own_region(
    opens: Opens, connection: dict[str, Any], url: str
) -> None:
    request = request_of(opens(region="us-east-1", **connection), ACCESS_POINT)
    assert request.url == url
    assert "/eu-west-1/s3/aws4_request" in header(request, "Authorization")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("connection", "bucket"),
    [
        ({"accelerate": True}, ACCESS_POINT),
        ({"accelerate": True}, "with.dots"),
        ({"accelerate": True, "fips": True}, "bkt"),
        ({"region": "cn-north-1", "fips": True}, "bkt"),
    ],
)
def test_settings_that_exclude_each_other_are_told_and_not_tried_again_for_minutes(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], bucket: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", CLOSED)
    try:
        _ = store_of(opens(**connection), bucket).head("k")
    except UsageError:
        return
    except StoreFault as fault:
        assert not fault.is_retryable, fault  # noqa: PT017 - the other good end
    else:
        pytest.fail("the settings exclude each other")


# ------------------------------------------------------------------------------------------------- variants of AWS
@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "https://bkt.s3.eu-west-1.amazonaws.com/in/k"),
        ({"accelerate": True}, "https://bkt.s3-accelerate.amazonaws.com/in/k"),
        ({"accelerate": True, "dualstack": True}, "https://bkt.s3-accelerate.dualstack.amazonaws.com/in/k"),
        ({"dualstack": True}, "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/in/k"),
        ({"fips": True, "region": "us-east-2"}, "https://bkt.s3-fips.us-east-2.amazonaws.com/in/k"),
        (
            {"fips": True, "dualstack": True, "region": "us-gov-west-1"},
            "https://bkt.s3-fips.dualstack.us-gov-west-1.amazonaws.com/in/k",
        ),
        ({"region": "cn-north-1"}, "https://bkt.s3.cn-north-1.amazonaws.com.cn/in/k"),
        ({"addressing": "path"}, "https://s3.eu-west-1.amazonaws.com/bkt/in/k"),
    ],
)
def test_each_variant_of_aws_has_its_host_and_all_of_them_are_one_store(
    opens: Opens, connection: dict[str, Any], url: str
) -> None:
    clients = opens(**{"region": "eu-west-1", **connection})
    assert (request_of(clients).url, clients.endpoint) == (url, "")


@pytest.mark.usefixtures("keys")
def test_variables_of_aws_choose_a_variant_too(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert request_of(opens()).url == "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/in/k"


@pytest.mark.usefixtures("keys")
def test_an_endpoint_for_s3_alone_outranks_that_for_all_services_and_the_option_both(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    assert request_of(opens(addressing="path")).url == "https://s3.example/bkt/in/k"
    assert request_of(opens(addressing="path", endpoint_url="https://mine.example")).url.startswith("https://mine.")


@pytest.mark.usefixtures("keys")
def test_a_profile_s_endpoint_for_s3_is_heard(opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "[profile team]\nservices = here\naws_access_key_id = AKIDTEAM\naws_secret_access_key = x\n"
    (tmp_path / "config").write_text(f"{lines}[services here]\ns3 =\n  endpoint_url = https://s3.example\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert opens(profile="team").endpoint == "https://s3.example"


# --------------------------------------------------------------------------------------------------------- a fake AWS
def expiry() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)


def _sts(action: str) -> bytes:
    inner = "".join(
        f"<{name}>{text}</{name}>"
        for name, text in {
            "AccessKeyId": KEY_ID,
            "SecretAccessKey": SECRET,
            "SessionToken": TOKEN,
            "Expiration": expiry().isoformat(),
        }.items()
    )
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    return (
        f'<{action}Response xmlns="{space}"><{action}Result><Credentials>{inner}</Credentials></{action}Result>'
        f"</{action}Response>"
    ).encode()


def _metadata() -> bytes:
    values = {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "Token": TOKEN, "Code": "Success"}
    return json.dumps({**values, "Expiration": expiry().strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()


def _role() -> bytes:
    values = {"accessKeyId": KEY_ID, "secretAccessKey": SECRET, "sessionToken": TOKEN}
    return json.dumps({"roleCredentials": {**values, "expiration": int(expiry().timestamp() * 1_000)}}).encode()


class Recorder(ThreadingHTTPServer):
    """A server on loopback that notes what it was asked."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Aws(Handler):
    """STS, SSO's portal, the metadata of an instance and of a container."""

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.body().decode())
        (action,), (role,) = form["Action"], form["RoleArn"]
        self.server.asked.append(action)
        if role.endswith("/denied"):
            self.answer(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        else:
            self.answer(200, _sts(action), {"Content-Type": "text/xml"})

    def do_PUT(self) -> None:
        self.body()
        self.server.asked.append("PUT " + self.path)
        self.answer(200, b"a-token", {"X-aws-ec2-metadata-token-ttl-seconds": "21600"})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append("GET " + path)
        answers = {
            "/federation/credentials": _role,
            "/latest/meta-data/iam/security-credentials/": lambda: b"my-role",
            "/latest/meta-data/iam/security-credentials/my-role": _metadata,
            "/container": _metadata,
        }
        self.answer(200, answers[path](), {"Content-Type": "application/json"})


@contextlib.contextmanager
def listening(handler: type[Handler]) -> Iterator[Recorder]:
    with Recorder(handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A fake AWS that every service but S3 is asked at."""
    with listening(Aws) as server:
        for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO"):
            monkeypatch.setenv(name, server.url)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        yield server


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the AWS configuration of the user."""

    def write(text: str) -> None:
        path = tmp_path / "aws-config"
        path.write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(path))

    return write


# --------------------------------------------------------------------------------------------------------- credentials
def assert_signed_by(clients: Clients, method: str, *, key_id: str = KEY_ID, token: str | None = TOKEN) -> None:
    """The session picked this provider, and its key signs."""
    credentials = clients._session.get_credentials()
    assert credentials is not None
    assert credentials.method == method
    request = request_of(clients)
    assert f"Credential={key_id}/" in header(request, "Authorization")
    assert request.headers.get("X-Amz-Security-Token") in {token, token and token.encode()}


ROLE = "role_arn = arn:aws:iam::123456789012:role/deliver"
SOURCE = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n"


def test_a_program_may_give_the_credentials(opens: Opens, tmp_path: Path, configure: Callable[[str], None]) -> None:
    given = {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN}
    (tmp_path / "give.py").write_text(f"print({json.dumps(json.dumps(given))})")
    line = shlex.join([sys.executable, str(tmp_path / "give.py")])
    configure(f"[profile team]\ncredential_process = {line}\n")
    assert_signed_by(opens(profile="team"), "custom-process")


def test_a_role_is_assumed_with_another_profile_s_key(
    opens: Opens, aws: Recorder, configure: Callable[[str], None]
) -> None:
    configure(f"{SOURCE}[profile team]\n{ROLE}\nsource_profile = base\nregion = eu-west-1\n")
    assert_signed_by(opens(profile="team"), "assume-role")
    assert aws.asked == ["AssumeRole"]


@pytest.mark.usefixtures("keys")
def test_a_role_is_assumed_with_the_environment_s_key(
    opens: Opens, aws: Recorder, configure: Callable[[str], None]
) -> None:
    configure(f"[profile team]\n{ROLE}\ncredential_source = Environment\n")
    assert_signed_by(opens(profile="team"), "assume-role")
    assert aws.asked == ["AssumeRole"]


def test_a_web_identity_is_taken_from_the_environment_as_in_kubernetes(
    opens: Opens, aws: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a-web-token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deliver")
    assert_signed_by(opens(), "assume-role-with-web-identity")
    assert aws.asked == ["AssumeRoleWithWebIdentity"]


def test_a_web_identity_is_taken_from_a_profile(
    opens: Opens, aws: Recorder, tmp_path: Path, configure: Callable[[str], None]
) -> None:
    (tmp_path / "token").write_text("a-web-token")
    configure(f"[profile team]\n{ROLE}\nweb_identity_token_file = {tmp_path / 'token'}\n")
    assert_signed_by(opens(profile="team"), "assume-role-with-web-identity")
    assert aws.asked == ["AssumeRoleWithWebIdentity"]


SSO = "[profile team]\nsso_start_url = https://me.example/start\nsso_region = eu-west-1\n"
SSO += "sso_account_id = 123456789012\nsso_role_name = deliver\n"


@pytest.fixture
def log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dt.datetime], None]:
    """What `aws sso login` leaves."""
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(tmp_path))

    def write(until: dt.datetime) -> None:
        name = hashlib.sha1(b"https://me.example/start", usedforsecurity=False).hexdigest()
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"accessToken": "sso-token", "expiresAt": until.strftime("%Y-%m-%dT%H:%M:%SZ")}))

    return write


def test_a_login_by_sso_is_used(
    opens: Opens, aws: Recorder, configure: Callable[[str], None], log_in: Callable[[dt.datetime], None]
) -> None:
    configure(SSO)
    log_in(expiry())
    assert_signed_by(opens(profile="team"), "sso")
    assert aws.asked == ["GET /federation/credentials"]


def assert_no_credentials(make: Callable[[], Clients]) -> None:
    """Said at once, or by the first request; never taken for the store's own word or for a network that comes back."""
    with pytest.raises((CredentialsError, StoreFault)) as caught:
        store_of(make()).head("k")
    error = caught.value
    assert not isinstance(error, StoreFault) or error.kind is Kind.CREDENTIALS, error


@pytest.mark.parametrize("login", ["none", "expired"])
def test_without_a_login_by_sso_there_are_no_credentials(
    opens: Opens, aws: Recorder, configure: Callable[[str], None], log_in: Callable[[dt.datetime], None], login: str
) -> None:
    configure(SSO)
    if login == "expired":
        log_in(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert_no_credentials(lambda: opens(profile="team", endpoint_url=CLOSED))
    assert aws.asked == []


def test_a_web_identity_s_token_that_is_not_there_is_a_matter_of_credentials(
    opens: Opens, aws: Recorder, configure: Callable[[str], None], tmp_path: Path
) -> None:
    configure(f"[profile team]\n{ROLE}\nweb_identity_token_file = {tmp_path / 'gone'}\nregion = eu-west-1\n")
    assert_no_credentials(lambda: opens(profile="team", endpoint_url=CLOSED))
    assert aws.asked == []


def test_a_role_that_may_not_be_assumed_is_a_matter_of_credentials_and_not_of_the_store(
    opens: Opens, aws: Recorder, configure: Callable[[str], None]
) -> None:
    denied = ROLE.replace("deliver", "denied")
    configure(f"{SOURCE}[profile team]\n{denied}\nsource_profile = base\nregion = eu-west-1\n")
    assert_no_credentials(lambda: opens(profile="team", endpoint_url=CLOSED))
    assert aws.asked[0] == "AssumeRole"


@pytest.mark.usefixtures("keys")
def test_a_role_is_assumed_in_the_region_that_was_chosen_for_the_bucket(
    opens: Opens, aws: Recorder, configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    configure(f"[profile team]\n{ROLE}\ncredential_source = Environment\n")
    assert_signed_by(opens(profile="team", region="eu-west-1"), "assume-role")
    assert aws.asked == ["AssumeRole"]


def test_the_role_of_an_instance_is_used(opens: Opens, aws: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url)
    assert_signed_by(opens(), "iam-role")
    assert aws.asked[0] == "PUT /latest/api/token"


def test_the_role_of_a_container_is_used(opens: Opens, aws: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container")
    assert_signed_by(opens(), "container-role")
    assert set(aws.asked) == {"GET /container"}


@pytest.mark.usefixtures("keys")
def test_keys_in_the_environment_come_before_what_the_machine_has(
    opens: Opens, aws: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container")
    assert_signed_by(opens(), "env", key_id="AKIDEXAMPLE", token=None)
    assert aws.asked == []


@pytest.mark.usefixtures("keys")
def test_a_profile_that_is_named_comes_before_keys_in_the_environment(
    opens: Opens, configure: Callable[[str], None]
) -> None:
    configure(SOURCE)
    assert_signed_by(opens(profile="base"), "config-file", key_id="AKIDBASE", token=None)


# ------------------------------------------------------------------------------------------------------------- proxies
class Proxy(Handler):
    """Passes plain requests on; a tunnel is noted and refused."""

    def pass_on(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        self.server.asked.append(f"{self.command} {url.netloc}")
        body = self.body()
        headers = {name: text for name, text in self.headers.items() if not name.lower().startswith(("proxy-", "exp"))}
        connection = http.client.HTTPConnection(url.netloc)
        try:
            connection.request(self.command, f"{url.path}?{url.query}".rstrip("?"), body, headers)
            found = connection.getresponse()
            kept = {name: text for name, text in found.getheaders() if name.lower() not in {"date", "server"}}
            self.answer(found.status, found.read(), kept)
        finally:
            connection.close()

    def do_HEAD(self) -> None:
        self.pass_on()

    def do_PUT(self) -> None:
        self.pass_on()

    def do_CONNECT(self) -> None:
        self.server.asked.append(f"CONNECT {self.path}")
        self.close_connection = True
        self.answer(502, b"")


@pytest.fixture
def proxy() -> Iterator[Recorder]:
    with listening(Proxy) as server:
        yield server


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        servers.use(monkeypatch, servers.as_server(server))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        yield server


@pytest.fixture
def deliver(s3: HostileS3, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], int]:
    """Pushes a small file; gives the exit code."""

    def run() -> int:
        path = write_good(tmp_path / "f.parquet", rows=3)
        return run_here(capsys, "push", path, "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint, "--json").code

    return run


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_a_proxy_of_the_environment_carries_every_request(
    s3: HostileS3, proxy: Recorder, deliver: Callable[[], int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy.url)
    here = f"127.0.0.1:{s3.port}"
    assert (deliver(), proxy.asked) == (0, [f"HEAD {here}", f"PUT {here}", f"HEAD {here}"])
    assert s3.operations() == ["HeadObject", "PutObject", "HeadObject"]


@pytest.mark.parametrize(
    "exception", ["NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "NO_PROXY=a.example,127.0.0.1", "NO_PROXY=*"]
)
def test_hosts_that_need_no_proxy_are_asked_without(
    s3: HostileS3, proxy: Recorder, opens: Opens, exception: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv(*exception.split("="))
    store_of(opens(endpoint_url=s3.endpoint)).head("k")
    assert (proxy.asked, s3.operations()) == ([], ["HeadObject"])


@pytest.mark.usefixtures("keys")
def test_tls_goes_through_a_tunnel_and_a_proxy_that_refuses_it_is_told(
    proxy: Recorder, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(StoreFault) as caught:
        store_of(opens(endpoint_url="https://store.example")).head("k")
    assert proxy.asked == ["CONNECT store.example:443"]
    assert (caught.value.kind, str(caught.value)) == (Kind.UNREACHABLE, "the proxy cannot be reached")


@pytest.mark.usefixtures("keys")
def test_a_proxy_for_tls_carries_no_plain_request(
    s3: HostileS3, proxy: Recorder, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    store_of(opens(endpoint_url=s3.endpoint)).head("k")
    assert (proxy.asked, s3.operations()) == ([], ["HeadObject"])


@pytest.mark.usefixtures("keys")
def test_a_proxy_that_is_not_there_is_told_without_its_password(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:PROXYWORD@127.0.0.1:9")
    with pytest.raises(StoreFault) as caught:
        store_of(opens(endpoint_url="https://store.example")).head("k")
    assert caught.value.kind is Kind.UNREACHABLE
    assert "PROXYWORD" not in f"{caught.value}{caught.value.code}"
