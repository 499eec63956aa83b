"""The hostile S3 speaks HTTP as S3 does, also with clients that do not."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile_s3 import Fault, HostileS3, connected, refused

ROOT = Path(__file__).parents[1]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", check_signatures=False) as server:
        server.make_bucket("bkt")
        yield server


@contextmanager
def dialled(s3: HostileS3) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", s3.port)) as sock:
        yield sock


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join([f"{first} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def read_head(sock: socket.socket) -> str:
    """An answer's head, without touching what follows it."""
    data = b""
    while not data.endswith(b"\r\n\r\n") and (more := sock.recv(1)):
        data += more
    return data.decode()


def read_all(sock: socket.socket) -> str:
    return b"".join(iter(lambda: sock.recv(4096), b"")).decode()


# Bodies


def test_a_body_without_length_is_refused(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n")
        assert read_head(sock).startswith("HTTP/1.1 411 ")
    assert s3.requests[0].code == "MissingContentLength"


def test_no_length_and_no_body_is_refused_too(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k"))
        assert read_head(sock).startswith("HTTP/1.1 411 ")


def test_a_body_that_ends_early_is_not_stored(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k", "Content-Length: 10") + b"short")
        sock.shutdown(socket.SHUT_WR)
        assert "<Code>IncompleteBody</Code>" in read_all(sock)
    assert s3.objects("bkt") == {}
    assert list((s3.stage.store.root / ".hostile" / "incoming").iterdir()) == []


def test_a_framed_body_that_is_shorter_than_it_said_is_not_stored(s3: HostileS3) -> None:
    lines = ("Transfer-Encoding: chunked", "X-Amz-Decoded-Content-Length: 5")
    framed = b"3\r\nabc\r\n0\r\n\r\n"
    wrapped = f"{len(framed):x}\r\n".encode() + framed + b"\r\n0\r\n\r\n"
    with dialled(s3) as sock:
        signed_as = "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        sock.sendall(head("PUT /bkt/k", *lines, signed_as) + wrapped)
        assert "<Code>IncompleteBody</Code>" in read_all(sock)
    assert s3.objects("bkt") == {}


# 100-continue


def test_leave_to_send_comes_when_the_head_was_accepted(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k", "Content-Length: 4", "Expect: 100-continue"))
        assert read_head(sock) == "HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"body")
        assert read_head(sock).startswith("HTTP/1.1 200 ")
    assert s3.objects("bkt")["k"].path.read_bytes() == b"body"


@pytest.mark.parametrize("target", ["/other/k", "/bkt/k?partNumber=1&uploadId=none", "/bkt/k?partNumber=0&uploadId=x"])
def test_a_refusal_comes_instead_of_leave_to_send(s3: HostileS3, target: str) -> None:
    with dialled(s3) as sock:
        sock.sendall(head(f"PUT {target}", "Content-Length: 4", "Expect: 100-continue"))
        answer = read_all(sock)
    assert answer.startswith("HTTP/1.1 40")
    assert "Connection: close" in answer
    assert s3.requests[0].body_bytes == 0


def test_a_client_that_sends_without_leave_still_hears_the_refusal(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /other/k", "Content-Length: 1000000", "Expect: 100-continue"))
        assert read_head(sock).startswith("HTTP/1.1 404 ")
        sock.sendall(bytes(1_000_000))
        assert "<Code>NoSuchBucket</Code>" in read_all(sock)


def test_after_a_refusal_without_expectation_the_connection_stays(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /other/k", "Content-Length: 4") + b"body" + head("HEAD /bkt"))
        assert "404" in read_head(sock)
        assert s3.requests[0].code == "NoSuchBucket"


def test_an_error_may_come_in_the_middle_of_a_body(s3: HostileS3) -> None:
    s3.script(Fault.status("PutObject", 503, after_bytes=3))
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k", "Content-Length: 1000000") + b"abc")
        answer = read_all(sock)
    assert answer.startswith("HTTP/1.1 503 ")
    assert "<Code>SlowDown</Code>" in answer
    assert (s3.requests[0].body_bytes, s3.objects("bkt")) == (3, {})


# Heads


def test_a_bucket_may_be_named_by_the_host(s3: HostileS3) -> None:
    s3.put("bkt", "a/k", b"content")
    with dialled(s3) as sock:
        sock.sendall(b"HEAD /a/k HTTP/1.1\r\nHost: bkt.localhost:80\r\n\r\n")
        assert "Content-Length: 7\r\n" in read_head(sock)


def test_errors_of_head_have_no_body(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("HEAD /bkt/none") + head("HEAD /bkt"))
        assert read_head(sock).startswith("HTTP/1.1 404 ")
        assert read_head(sock).startswith("HTTP/1.1 200 ")


def test_requests_may_follow_each_other_on_one_connection(s3: HostileS3) -> None:
    with connected(s3, max_pool_connections=1) as client:
        for number in range(3):
            client.put_object(Bucket="bkt", Key=str(number), Body=b"content")
    assert [(entry.began, entry.ended) for entry in s3.requests] == [(1, 2), (3, 4), (5, 6)]


def test_an_unknown_payload_word_is_refused(s3: HostileS3) -> None:
    with dialled(s3) as sock:
        sock.sendall(head("PUT /bkt/k", "Content-Length: 0", "X-Amz-Content-Sha256: nonsense"))
        assert read_head(sock).startswith("HTTP/1.1 400 ")


# A process of its own


@contextmanager
def process(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], HostileS3]]:
    """The server in another process, and a stand-in here that knows its port."""
    command = [sys.executable, "-m", "tests.support.hostile_s3", "--root", str(root), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        assert running.stdout is not None
        stand_in = HostileS3(root.with_name("unused"))
        stand_in.port = int(running.stdout.readline())
        try:
            yield running, stand_in
        finally:
            running.kill()


def ask(s3: HostileS3, command: str, data: Any = None) -> Any:
    body = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(f"{s3.endpoint}/_hostile/{command}", body) as answer:
        return json.load(answer)


def test_a_process_takes_a_script_and_tells_how_it_went(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    faults = [
        {"fault": "status", "operation": "PutObject", "status": 503, "retry_after": 1},
        {"fault": "reset", "operation": "UploadPart", "part": 3},
    ]
    script.write_text(json.dumps({"buckets": ["bkt"], "settings": {"min_part_size": 5, "deny": []}, "faults": faults}))
    with process(tmp_path / "s3", "--script", str(script)) as (_, s3), connected(s3) as client:
        with refused("SlowDown", 503):
            client.put_object(Bucket="bkt", Key="k", Body=b"content")
        assert ask(s3, "unhit") == ["reset at UploadPart part 3 (1 more)"]
        ask(s3, "script", [{"fault": "error", "operation": "PutObject", "code": "AccessDenied"}])
        with refused("AccessDenied", 403):
            client.put_object(Bucket="bkt", Key="k", Body=b"content")
        client.put_object(Bucket="bkt", Key="k", Body=b"content")
        assert [entry["status"] for entry in ask(s3, "requests")] == [503, 403, 200]
        assert [found["key"] for found in ask(s3, "objects")["bkt"]] == ["k"]
        assert (tmp_path / "s3" / "bkt" / "k").read_bytes() == b"content"


def test_an_upload_outlives_the_server_that_was_killed(tmp_path: Path) -> None:
    with process(tmp_path / "s3", "--bucket", "bkt") as (running, s3), connected(s3) as client:
        upload_id = client.create_multipart_upload(Bucket="bkt", Key="k", Metadata={"n": "1"})["UploadId"]
        client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=1, Body=b"content")
        client.put_object(Bucket="bkt", Key="other", Body=b"content")
        running.kill()
    with HostileS3(tmp_path / "s3") as again, connected(again) as client:
        (part,) = client.list_parts(Bucket="bkt", Key="k", UploadId=upload_id)["Parts"]
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        client.complete_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id, MultipartUpload=parts)
        assert (again.objects("bkt")["k"].metadata, list(again.objects("bkt"))) == ({"n": "1"}, ["k", "other"])


def test_a_process_lets_out_what_was_stuck_when_it_is_told(tmp_path: Path) -> None:
    with process(tmp_path / "s3", "--bucket", "bkt", "--credentials", "ID:word") as (_, s3):
        ask(s3, "script", [{"fault": "black_hole", "operation": "CreateMultipartUpload"}])
        with connected(s3, key_id="ID", secret="word") as client, ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.create_multipart_upload, Bucket="bkt", Key="k")
            assert ask(s3, "wait_until_stuck", {"count": 1})
            ask(s3, "release", {"go_on": True})
            upload_id = waiting.result()["UploadId"]
            assert [found["id"] for found in ask(s3, "uploads")] == [upload_id]


def test_a_command_that_is_none_is_told_the_commands(s3: HostileS3) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(s3, "nonsense")
    with caught.value as answer:
        assert "GET unhit" in json.load(answer)["commands"]
