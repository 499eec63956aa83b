"""Bodies go out in large pieces whatever stands between: each test fails where a body is read as a file instead."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.ways import relaying, write_certificate

from tiktok_upload.body import ByteCount, RangeBody, digest_range
from tiktok_upload.checksum import CRC64NVME
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.plan import Part
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.source import Source
from tiktok_upload.store import Clients, S3Store

MIB = 1 << 20
SIZE = 6 * MIB + 77
Put = Callable[..., Any]


@pytest.fixture(autouse=True)
def _only_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: RangeBody, size: int = -1, /) -> bytes:
        raise AssertionError(f"a body was read as a file, {size} bytes")

    monkeypatch.setattr(RangeBody, "read", refuse)
    for name in [name for name in os.environ if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3") as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    path = tmp_path / "body"
    path.write_bytes(os.urandom(SIZE))
    with Source(path) as opened:
        yield opened


def put(source: Source, endpoint: str, key: str = "k", *, clients: Clients | None = None, **options: Any) -> ByteCount:
    """PutObject of the whole file; how much went out."""
    connection = Connection(endpoint_url=endpoint, region="us-east-1", addressing="path", **options)
    made = clients or Clients(connection, stall_s=10.0, connections=2, version="0")
    store = S3Store(made, "bkt", proof="crc64nvme", options=ObjectOptions())
    part, count = Part(1, 0, SIZE), ByteCount()
    digest = digest_range(source, part, CRC64NVME, with_md5=False, check=lambda: None)
    body = RangeBody(source, part, CRC64NVME, expected=digest, gate=lambda _: None, count=count)
    try:
        store.put_object(key, body, digest, metadata={}, overwrite=True)
    finally:
        if body.error is not None:
            raise body.error
    return count


@pytest.fixture(params=["asking", "trusting"])
def clients(request: pytest.FixtureRequest, s3: HostileS3, source: Source) -> Iterator[Clients]:
    """Of a store that took no body yet, or of one that did."""
    connection = Connection(endpoint_url=s3.endpoint, region="us-east-1", addressing="path")
    made = Clients(connection, stall_s=10.0, connections=2, version="0")
    if request.param == "trusting":
        put(source, s3.endpoint, "before", clients=made)
    yield made
    made.close()


def expectations(s3: HostileS3) -> list[bool]:
    """Of each body, whether the store was asked first."""
    return ["expect" in entry.headers for entry in s3.requests if entry.operation == "PutObject"]


def arrived(s3: HostileS3, source: Source, key: str = "k") -> bool:
    return s3.objects("bkt")[key].path.read_bytes() == source.path.read_bytes()


def test_a_body_arrives_byte_for_byte(s3: HostileS3, source: Source, clients: Clients) -> None:
    assert put(source, s3.endpoint, clients=clients).value == SIZE
    assert arrived(s3, source)


def test_a_store_that_took_a_body_is_asked_no_more_until_it_refuses_one(s3: HostileS3, source: Source) -> None:
    connection = Connection(endpoint_url=s3.endpoint, region="us-east-1", addressing="path")
    clients = Clients(connection, stall_s=10.0, connections=2, version="0")
    for key in ("a", "b"):
        put(source, s3.endpoint, key, clients=clients)
    s3.script(Fault.status("PutObject", 503))
    with pytest.raises(StoreFault):
        put(source, s3.endpoint, "c", clients=clients)
    for key in ("c", "d"):
        put(source, s3.endpoint, key, clients=clients)
    assert expectations(s3) == [True, False, False, True, False]
    clients.close()


@pytest.mark.parametrize("password", ["", "me:word"])
def test_through_a_proxy_that_tunnels(
    s3: HostileS3, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    ca, context = write_certificate(tmp_path)
    with relaying(s3.port, tls=context) as front, relaying(front.port, is_proxy=True, password=password) as proxy:
        user = f"{password}@" if password else ""
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}127.0.0.1:{proxy.port}")
        assert put(source, f"https://127.0.0.1:{front.port}", ca_bundle=str(ca)).value == SIZE
        assert [head.split(" HTTP")[0] for head in proxy.greeted] == [f"CONNECT 127.0.0.1:{front.port}"]
    assert arrived(s3, source)


def test_a_proxy_that_wants_another_password_is_no_way(
    s3: HostileS3, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, context = write_certificate(tmp_path)
    with relaying(s3.port, tls=context) as front, relaying(front.port, is_proxy=True, password="me:other") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:word@127.0.0.1:{proxy.port}")
        with pytest.raises(StoreFault) as caught:
            put(source, f"https://127.0.0.1:{front.port}", ca_bundle=str(ca))
    assert caught.value.kind is Kind.UNREACHABLE
    assert s3.objects("bkt") == {}


def test_by_a_private_authority_only_where_it_is_named(s3: HostileS3, source: Source, tmp_path: Path) -> None:
    ca, context = write_certificate(tmp_path)
    with relaying(s3.port, tls=context) as front:
        with pytest.raises(StoreFault) as caught:
            put(source, f"https://127.0.0.1:{front.port}")
        assert caught.value.kind is Kind.UNREACHABLE
        put(source, f"https://127.0.0.1:{front.port}", ca_bundle=str(ca))
    assert arrived(s3, source)


def test_the_authorities_are_read_once_for_all_connections(s3: HostileS3, source: Source, tmp_path: Path) -> None:
    ca, context = write_certificate(tmp_path)
    with relaying(s3.port, tls=context) as front:
        endpoint = f"https://127.0.0.1:{front.port}"
        connection = Connection(endpoint_url=endpoint, region="us-east-1", addressing="path", ca_bundle=str(ca))
        clients = Clients(connection, stall_s=10.0, connections=2, version="0")
        for key in ("a", "b"):  # the second one goes out without asking
            put(source, endpoint, key, clients=clients)
        ca.unlink()
        for path in clients._paths:
            path.close()  # idle connections
        before = front.accepted
        put(source, endpoint, "c", clients=clients)
        assert front.accepted == before + 1
    assert arrived(s3, source, "c")


def test_a_redirect_to_the_buckets_region_is_followed_with_the_body(
    s3: HostileS3, source: Source, clients: Clients
) -> None:
    begun, s3.region = len(s3.requests), "eu-west-1"
    put(source, s3.endpoint, clients=clients)
    assert arrived(s3, source)
    assert [entry.status for entry in s3.requests[begun:] if entry.operation == "PutObject"] == [301, 200]


@pytest.mark.parametrize(("status", "kind"), [(403, Kind.DENIED), (503, Kind.THROTTLED)])
def test_a_refusal_in_the_middle_of_a_body_is_heard_as_what_it_is(
    s3: HostileS3, source: Source, clients: Clients, status: int, kind: Kind
) -> None:
    s3.script(Fault.status("PutObject", status, after_bytes=2 * MIB))
    with pytest.raises(StoreFault) as caught:
        put(source, s3.endpoint, clients=clients)
    assert (caught.value.status, caught.value.kind) == (status, kind)


def test_a_connection_serves_one_body_after_the_other(s3: HostileS3, source: Source) -> None:
    with relaying(s3.port) as front:
        endpoint = f"http://127.0.0.1:{front.port}"
        connection = Connection(endpoint_url=endpoint, region="us-east-1", addressing="path")
        clients = Clients(connection, stall_s=10.0, connections=2, version="0")
        for key in ("a", "b", "c", "d"):
            put(source, endpoint, key, clients=clients)
        assert front.accepted == 2  # one that asks, and one that does not
    assert all(arrived(s3, source, key) for key in ("a", "b", "c", "d"))


def test_a_connection_that_died_while_idle_is_a_fault_that_passes(s3: HostileS3, source: Source) -> None:
    with relaying(s3.port) as front:
        endpoint = f"http://127.0.0.1:{front.port}"
        connection = Connection(endpoint_url=endpoint, region="us-east-1", addressing="path")
        clients = Clients(connection, stall_s=10.0, connections=2, version="0")
        put(source, endpoint, "a", clients=clients)
        front.cut()
        faults: list[StoreFault] = []
        for _ in range(2):
            try:
                put(source, endpoint, "b", clients=clients)
                break
            except StoreFault as fault:
                faults.append(fault)
        assert len(faults) <= 1
        assert all(fault.is_retryable for fault in faults)
    assert arrived(s3, source, "b")


def test_a_file_that_shrinks_on_the_way_raises_and_makes_no_object(s3: HostileS3, source: Source) -> None:
    s3.script(Fault.call("PutObject", lambda _: os.truncate(source.path, MIB), moment="before"))
    with pytest.raises(Exception, match="changed while it was sent"):
        put(source, s3.endpoint)
    assert s3.objects("bkt") == {}
