"""`doctor()` against servers: what is found, what is asked for, and that nothing is left behind."""

import contextlib
import datetime as dt
import http.server
import ipaddress
import itertools
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support import servers
from tests.support.command import CREDENTIALS
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.servers import as_server, moto_server, share_models, use

from tiktok_upload.contact import Line, Proxy, Trouble, Way
from tiktok_upload.doctor import doctor, network
from tiktok_upload.doctor.report import Check, DoctorReport
from tiktok_upload.doctor.visit import Visit
from tiktok_upload.errors import StoreRefusedError, UsageError
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.stop import Stop

NAMES = [
    "dns", "proxy", "connection", "clock", "credentials", "region", "bucket", "versioning", "encryption",
    "create_upload", "send_part", "list_parts", "parts_kept", "abort_upload", "head_object", "list_uploads", "kms",
]  # fmt: skip
WRITING = ["put_object", "head_again", "no_overwrite", "delete_object"]

Examine = Callable[..., DoctorReport]


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    servers.forget_environment(monkeypatch)
    share_models(monkeypatch)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that may pass is not waited for."""
    monkeypatch.setattr("tiktok_upload.doctor.visit._PATIENCE_S", 0.0)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        use(monkeypatch, as_server(server))
        yield server


@pytest.fixture
def examine(s3: HostileS3) -> Examine:
    def run(to: str = "s3://bkt/in/", **more: Any) -> DoctorReport:
        return doctor(to, connection=Connection(endpoint_url=s3.endpoint, **more.pop("connection", {})), **more)

    return run


def named(report: DoctorReport, name: str) -> Check:
    (found,) = (check for check in report.checks if check.name == name)
    return found


def with_status(report: DoctorReport, status: str) -> list[str]:
    return [check.name for check in report.checks if check.status == status]


def writes(s3: HostileS3) -> set[str]:
    return {"PutObject", "CompleteMultipartUpload"} & set(s3.operations())


# ------------------------------------------------------------------------------------------------------------ all well
def test_where_all_is_well_nothing_fails_and_nothing_is_put(s3: HostileS3, examine: Examine) -> None:
    told: list[Check] = []
    report = examine(observe=told.append)
    assert [check.name for check in report.checks] == NAMES
    assert tuple(told) == report.checks
    assert (report.exit_code, report.error, report.policy) == (0, None, None)
    assert with_status(report, "failed") + with_status(report, "warning") == []
    assert "confirmed its checksum" in named(report, "send_part").message
    assert (s3.uploads("bkt"), s3.objects("bkt"), writes(s3)) == ({}, {}, set())


@pytest.mark.parametrize("versioning", [False, True])
def test_a_write_probe_puts_one_object_and_leaves_nothing(s3: HostileS3, examine: Examine, versioning: bool) -> None:  # noqa: FBT001 - a table
    s3.versioning = versioning
    report = examine(write_probe=True)
    assert [check.name for check in report.checks] == NAMES + WRITING
    assert (report.exit_code, with_status(report, "warning")) == (0, [])
    (key,) = {entry.key for entry in s3.requests if entry.operation == "PutObject"}
    assert key.startswith("in/.tiktok-upload-probe-")
    assert s3.objects("bkt") == {}
    assert "nothing is left" in named(report, "delete_object").message


def test_a_single_key_is_tried_beside_it(s3: HostileS3, examine: Examine) -> None:
    s3.put("bkt", "in/k.parquet", b"somebody's")
    assert examine("s3://bkt/in/k.parquet", write_probe=True).exit_code == 0
    keys = {entry.key for entry in s3.requests if entry.key}
    assert all(key.startswith("in/.tiktok-upload-probe-") for key in keys)
    assert list(s3.objects("bkt")) == ["in/k.parquet"]


def test_a_store_that_verifies_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_server() as server:
        use(monkeypatch, server)
        report = doctor("s3://bkt/in/", connection=Connection(endpoint_url=server.endpoint), write_probe=True)
    assert (report.exit_code, with_status(report, "warning")) == (0, ["send_part", "put_object"])
    assert named(report, "no_overwrite").status == "ok"


# -------------------------------------------------------------------------------------------------------------- rights
@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("CreateMultipartUpload", ("create_upload", "failed", ("s3:PutObject",))),
        ("UploadPart", ("send_part", "failed", ("s3:PutObject",))),
        ("ListParts", ("list_parts", "failed", ("s3:ListMultipartUploadParts",))),
        ("HeadObject", ("head_object", "warning", ("s3:GetObject",))),
        ("HeadBucket", ("bucket", "warning", ("s3:ListBucket",))),
        ("ListMultipartUploads", ("list_uploads", "warning", ("s3:ListBucketMultipartUploads",))),
        ("GetBucketEncryption", ("encryption", "skipped", ())),
        ("GetBucketVersioning", ("versioning", "skipped", ())),
    ],
)
def test_a_right_that_is_missing_is_named_and_the_policy_gives_it(
    s3: HostileS3, examine: Examine, operation: str, expected: tuple[str, str, tuple[str, ...]]
) -> None:
    name, status, actions = expected
    s3.script(Fault.status(operation, 403, times=None))
    report = examine()
    check = named(report, name)
    assert (check.status, check.actions) == (status, actions)
    assert report.exit_code == (6 if status == "failed" else 0)
    given = [action for one in (report.policy or {"Statement": []})["Statement"] for action in one["Action"]]
    assert given == list(actions)
    assert s3.uploads("bkt") == {}


def test_an_upload_that_may_not_be_dropped_is_named(s3: HostileS3, examine: Examine) -> None:
    s3.deny = {"AbortMultipartUpload"}
    report = examine()
    check = named(report, "abort_upload")
    (upload_id,) = s3.uploads("bkt")
    assert (check.status, report.exit_code, check.actions) == ("failed", 6, ("s3:AbortMultipartUpload",))
    assert upload_id in check.message
    assert "s3://bkt/in/.tiktok-upload-probe-" in check.message


def test_what_needs_an_upload_is_skipped_where_none_can_be_begun(s3: HostileS3, examine: Examine) -> None:
    s3.deny = {"CreateMultipartUpload"}
    report = examine()
    needs = ["send_part", "list_parts", "parts_kept", "abort_upload"]
    assert [name for name in with_status(report, "skipped") if name in needs] == needs
    assert named(report, "head_object").status == "ok"
    assert "AbortMultipartUpload" not in s3.operations()


def test_options_of_the_object_are_tried_and_their_rights_named(s3: HostileS3, examine: Examine) -> None:
    s3.deny = {"CreateMultipartUpload"}
    options = ObjectOptions(sse="aws:kms", kms_key_id="arn:aws:kms:eu-west-1:1:key/k", tags=(("a", "b"),))
    report = examine(object_options=options)
    assert named(report, "create_upload").actions == ("s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey")
    assert report.policy is not None
    assert report.policy["Statement"][-1]["Resource"] == "arn:aws:kms:eu-west-1:1:key/k"


def test_rights_at_kms_are_proved_by_the_upload(s3: HostileS3, examine: Examine) -> None:
    assert named(examine(object_options=ObjectOptions(sse="aws:kms")), "kms").status == "ok"
    s3.script(Fault.status("UploadPart", 403))
    check = named(examine(object_options=ObjectOptions(sse="aws:kms")), "kms")
    assert (check.status, check.actions) == ("failed", ("kms:Decrypt",))


def test_a_bucket_that_encrypts_with_kms_names_its_key(s3: HostileS3, examine: Examine) -> None:
    s3.encryption, s3.kms_key = "aws:kms", "arn:aws:kms:us-east-1:123456789012:key/theirs"
    s3.script(Fault.status("UploadPart", 403))
    report = examine()
    assert "key/theirs" in named(report, "encryption").message
    assert report.policy is not None
    assert report.policy["Statement"] == [
        {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": "arn:aws:kms:us-east-1:123456789012:key/theirs"}
    ]


def test_an_account_that_does_not_own_the_bucket_is_refused(s3: HostileS3, examine: Examine) -> None:
    report = examine(object_options=ObjectOptions(expected_bucket_owner="999999999999"))
    assert (report.exit_code, named(report, "create_upload").status) == (6, "failed")
    assert s3.uploads("bkt") == {}


def test_an_object_that_may_not_be_removed_is_named_and_no_failure(s3: HostileS3, examine: Examine) -> None:
    s3.deny = {"DeleteObject"}
    report = examine(write_probe=True)
    (key,) = s3.objects("bkt")
    assert (report.exit_code, with_status(report, "warning")) == (0, ["delete_object"])
    assert key in named(report, "delete_object").message
    assert report.policy is None


def test_a_right_to_look_that_is_missing_is_proved_by_an_object_that_is_there(s3: HostileS3, examine: Examine) -> None:
    s3.deny = {"HeadObject"}
    report = examine(write_probe=True)
    assert (named(report, "head_again").status, named(report, "head_again").actions) == ("warning", ("s3:GetObject",))
    assert s3.objects("bkt") == {}


# ------------------------------------------------------------------------------------------------- the store's manners
def test_what_a_store_does_not_know_is_skipped(s3: HostileS3, examine: Examine) -> None:
    for operation in ("GetBucketVersioning", "ListMultipartUploads"):
        s3.script(Fault.status(operation, 501, code="NotImplemented", times=None))
    report = examine()
    assert report.exit_code == 0
    assert {"versioning", "list_uploads"} <= set(with_status(report, "skipped"))


def test_a_store_that_takes_no_crc_is_tried_without(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.status("CreateMultipartUpload", 501, code="NotImplemented"))
    report = examine(write_probe=True)
    assert (report.exit_code, named(report, "create_upload").status) == (0, "warning")
    assert "Content-MD5" in named(report, "send_part").message
    assert "Content-MD5" in named(report, "put_object").message


def test_a_checksum_that_was_chosen_is_not_replaced(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.status("CreateMultipartUpload", 501, code="NotImplemented"))
    assert named(examine(proof="crc32c"), "create_upload").status == "failed"


def test_a_checksum_that_comes_back_another_is_a_failure(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.wrong_checksum("UploadPart"))
    report = examine()
    assert (named(report, "send_part").status, report.exit_code) == ("failed", 8)
    assert s3.uploads("bkt") == {}


@pytest.mark.parametrize(("days", "status"), [(7, "ok"), (1, "warning")])
def test_a_rule_that_removes_parts_is_told(s3: HostileS3, examine: Examine, days: int, status: str) -> None:
    s3.abort_after_days = days
    check = named(examine(size_bytes=1 << 40), "parts_kept")
    assert check.status == status
    assert "1 TiB in that time takes" in check.message


@pytest.mark.parametrize("answer", ["redirect", "malformed"])
def test_a_bucket_in_another_region_is_followed_and_that_is_told(s3: HostileS3, examine: Examine, answer: Any) -> None:
    s3.region, s3.wrong_region = "eu-central-1", answer
    report = examine(connection={"region": "us-east-1"})
    assert (report.exit_code, named(report, "region").status) == (0, "warning")
    assert named(report, "region").hint == "add --region eu-central-1"


def test_a_fault_that_passes_is_asked_again(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.status("CreateMultipartUpload", 503), Fault.reset("UploadPart"))
    assert examine().exit_code == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault", [Fault.lost_answer("CreateMultipartUpload"), Fault.garbled("CreateMultipartUpload", keep=9)]
)
def test_an_upload_whose_answer_was_lost_is_found_and_dropped(
    s3: HostileS3, examine: Examine, fault: Fault
) -> None:  # fmt: skip
    s3.script(fault)
    report = examine()
    assert (named(report, "create_upload").status, report.exit_code) == ("failed", 7)
    assert named(report, "abort_upload").status == "ok"
    assert s3.uploads("bkt") == {}


@pytest.mark.usefixtures("impatient")
def test_an_object_whose_answer_was_lost_is_removed(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.lost_answer("PutObject"))
    report = examine(write_probe=True)
    assert (named(report, "put_object").status, named(report, "delete_object").status) == ("failed", "ok")
    assert s3.objects("bkt") == {}


@pytest.mark.usefixtures("impatient")
def test_a_store_that_breaks_every_connection_is_a_matter_of_the_network(s3: HostileS3, examine: Examine) -> None:
    s3.script(Fault.reset("*", times=None))
    report = examine()
    assert (report.exit_code, with_status(report, "failed")) == (7, ["clock"])


# -------------------------------------------------------------------------------------- credentials, clock and bucket
def test_a_wrong_secret_is_told_from_a_missing_right(
    s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    report = examine()
    assert (report.exit_code, with_status(report, "failed")) == (5, ["credentials"])
    assert "SignatureDoesNotMatch" in named(report, "credentials").message
    assert s3.operations() == ["ListMultipartUploads"]


def test_an_expired_token(s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    s3.expired_tokens = {"old"}
    assert (examine().exit_code, examine().error and examine().error.name) == (5, "expired")  # type: ignore[union-attr] # there is one


def test_without_credentials_the_way_is_looked_at_all_the_same(
    s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    report = examine()
    assert (report.exit_code, with_status(report, "ok")) == (5, ["dns", "proxy", "connection"])
    assert s3.operations() == []


@pytest.mark.parametrize(("skew_s", "status"), [(-120, "warning"), (3_600, "failed")])
def test_a_clock_that_is_wrong(
    s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch, skew_s: float, status: str
) -> None:
    real = s3.clock
    monkeypatch.setattr(s3, "clock", lambda: real() + skew_s)
    report = examine()
    assert (named(report, "clock").status, report.exit_code) == (status, 5 if status == "failed" else 0)


def test_a_bucket_that_is_not_there(s3: HostileS3, examine: Examine) -> None:
    report = examine("s3://nobody/in/")
    assert (report.exit_code, with_status(report, "failed")) == (6, ["bucket"])
    assert "CreateMultipartUpload" not in s3.operations()


def test_settings_that_are_wrong_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        doctor("bucket/in")
    with pytest.raises(UsageError, match="AWS configuration"):
        doctor("s3://bkt/", connection=Connection(profile="nobody"))
    with pytest.raises(StoreRefusedError, match="cannot be made"):
        doctor("s3://b.k.t/", connection=Connection(accelerate=True, region="us-east-1"))


# ---------------------------------------------------------------------------------------------------------- the network
@pytest.mark.parametrize(
    ("url", "name"),
    [("http://127.0.0.1:9", "connection"), ("https://127.0.0.1:9", "connection"), ("https://store.invalid", "dns")],
)
def test_a_store_that_cannot_be_reached_is_told_by_what_is_missing(url: str, name: str) -> None:
    report = doctor("s3://bkt/in/", connection=Connection(endpoint_url=url))
    assert (report.exit_code, with_status(report, "failed")) == (7, [name])
    assert set(with_status(report, "ok") + with_status(report, "skipped")) == set(NAMES) - {name}


def test_a_proxy_that_is_not_there_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:PROXYWORD@127.0.0.1:9")
    report = doctor("s3://bkt/in/", connection=Connection(endpoint_url="https://store.invalid"))
    assert (report.exit_code, with_status(report, "failed")) == (7, ["connection"])
    assert "http://127.0.0.1:9" in named(report, "proxy").message
    assert "PROXYWORD" not in repr(report.checks)


def test_a_host_that_needs_no_proxy_is_said(s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    report = examine()
    assert (report.exit_code, named(report, "proxy").message) == (0, "none for 127.0.0.1 (NO_PROXY)")
    assert s3.operations() != []


class _Tunnel(http.server.BaseHTTPRequestHandler):
    """A proxy that notes who knocks, and refuses."""

    knocks: list[tuple[str, str | None]]

    def do_CONNECT(self) -> None:
        self.knocks.append((self.path, self.headers.get("Proxy-Authorization")))
        self.send_error(407)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class _Empty(http.server.BaseHTTPRequestHandler):
    """Answers nothing that S3 would."""

    def do_GET(self) -> None:
        self.send_error(400)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextlib.contextmanager
def listening(handler: type[http.server.BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a handshake that was given up
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_tunnel_is_asked_for_with_the_proxy_s_password() -> None:
    handler = type("Noting", (_Tunnel,), {"knocks": []})
    with listening(handler) as port:
        proxy = Proxy("http", "127.0.0.1", port, "Basic bWU6eA==")
        found = network.connect(Way("https", "store.example", 443, proxy))
    assert isinstance(found, Trouble)
    assert found.kind == "proxy"
    assert handler.knocks == [("store.example:443", "Basic bWU6eA==")]  # type: ignore[attr-defined] # made above


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A PEM file that signed itself for 127.0.0.1, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ours"), x509.NameAttribute(NameOID.COMMON_NAME, "store")]
    )
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "store.pem"
    text = made.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(text)
    both = path.with_name("both.pem")
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(text + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return path, context


def test_a_certificate_of_a_private_authority_is_refused_with_the_way_to_trust_it(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    with listening(_Empty, certificate[1]) as port:
        report = doctor("s3://bkt/in/", connection=Connection(endpoint_url=f"https://127.0.0.1:{port}"))
    check = named(report, "connection")
    assert (report.exit_code, with_status(report, "failed")) == (7, ["connection"])
    assert "self-signed certificate" in check.message
    assert "--ca-bundle" in check.hint


@pytest.mark.usefixtures("impatient")
def test_a_certificate_that_is_trusted_is_told_with_its_issuer_and_its_end(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    path, context = certificate
    with listening(_Empty, context) as port:
        connection = Connection(endpoint_url=f"https://127.0.0.1:{port}", ca_bundle=str(path), region="us-east-1")
        check = named(doctor("s3://bkt/in/", connection=connection), "connection")
    assert check.status == "warning"
    assert check.message.startswith("TLS 1.3, certificate by Ours, good until 2")


def test_plain_http_at_a_port_of_tls_and_the_reverse(certificate: tuple[Path, ssl.SSLContext]) -> None:
    with listening(_Empty) as port:
        found = network.connect(Way("https", "127.0.0.1", port))
    assert isinstance(found, Trouble)
    assert found.kind == "tls"
    with listening(_Empty, certificate[1]) as port:
        assert isinstance(network.connect(Way("http", "127.0.0.1", port)), Line)


# ------------------------------------------------------------------------------------------------------------ stopping
@pytest.mark.parametrize("name", [*NAMES, "put_object", "head_again"])
def test_stopped_after_any_check_it_leaves_nothing(s3: HostileS3, examine: Examine, name: str) -> None:
    stop = Stop()

    def observe(check: Check) -> None:
        if check.name == name:
            stop.interrupt(130)

    report = examine(write_probe=True, observe=observe, stop=stop)
    assert report.exit_code == 130
    assert (s3.uploads("bkt"), s3.objects("bkt")) == ({}, {})
    cleaning = {"abort_upload", "delete_object"}
    later = itertools.dropwhile(lambda check: check.name != name, report.checks)
    assert {check.name for check in later} <= {name} | cleaning


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "PutObject"])
def test_ctrl_c_amid_a_request_leaves_nothing(s3: HostileS3, examine: Examine, operation: str) -> None:
    stop = Stop()
    s3.script(
        Fault.call(operation, lambda _: stop.interrupt(130), "before"),
        Fault.lost_answer(operation),
    )
    report = examine(write_probe=True, stop=stop)
    assert report.exit_code == 130
    assert (s3.uploads("bkt"), s3.objects("bkt")) == ({}, {})


def test_an_exception_of_ours_spoils_one_check_and_leaves_nothing(
    s3: HostileS3, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Check:
        raise ZeroDivisionError("with a SECRET in it")

    monkeypatch.setattr("tiktok_upload.doctor.rights.judge_part", broken)
    report = examine()
    assert (report.exit_code, with_status(report, "failed")) == (1, ["send_part"])
    assert "SECRET" not in repr(report.checks)
    assert s3.uploads("bkt") == {}


def test_an_observer_that_raises_leaves_nothing(s3: HostileS3, examine: Examine) -> None:
    def observe(check: Check) -> None:
        if check.name == "send_part":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(observe=observe)
    assert s3.uploads("bkt") == {}


def test_nothing_is_skipped_after_a_check_that_was_not_made() -> None:
    visit = Visit(lambda _: None, Stop())
    visit.skip_after("create_upload", "abort_upload")
    assert visit.checks == []
