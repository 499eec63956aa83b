"""One connection's life: requests in, through signature, faults and operation, answers out."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import bucket_settings, completing, control, listing, multipart, objects, rights, signature
from .bodies import Body
from .documents import error_answer, http_date, request_id
from .errors import HangUpError, PeerGoneError, S3Error
from .exchange import LARGEST_KEY, Exchange
from .faults import Fault
from .routing import UNKNOWN, route
from .stage import Stage
from .wire import Answer, Connection, Head

OPERATIONS: Final[dict[str, Callable[[Exchange], Answer]]] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": completing.complete_multipart_upload,
    "CreateBucket": listing.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteObject": objects.delete_object,
    "GetBucketEncryption": bucket_settings.get_bucket_encryption,
    "GetBucketLifecycleConfiguration": bucket_settings.get_bucket_lifecycle_configuration,
    "GetBucketLocation": bucket_settings.get_bucket_location,
    "GetBucketVersioning": bucket_settings.get_bucket_versioning,
    "GetObject": objects.get_object,
    "GetObjectTagging": objects.get_object_tagging,
    "HeadBucket": listing.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": listing.list_buckets,
    "ListMultipartUploads": listing.list_uploads,
    "ListObjectsV2": listing.list_objects,
    "ListParts": multipart.list_parts,
    "PutObject": objects.put_object,
    "UploadPart": multipart.upload_part,
}


@dataclass(slots=True)
class _Turn:
    """A request with its place in the log."""

    exchange: Exchange
    place: int
    faults: list[Fault]


def serve(connection: Connection, stage: Stage) -> None:
    """Answer requests until one side has enough."""
    try:
        while (head := connection.read_head()) is not None and _serve_one(connection, head, stage):
            pass
    except HangUpError as end:
        if end.reset:
            connection.reset()
    except PeerGoneError:
        pass
    finally:
        connection.close()


def _serve_one(connection: Connection, head: Head, stage: Stage) -> bool:
    """Answer one request; says whether another may follow on this connection."""
    body = Body(connection, head)
    if control.is_for_us(head):
        answer = control.answer(head, body, stage)
        return _send(connection, head, body, answer, hang_up=False)
    exchange = Exchange(route(head), body, stage.rules, stage.store, stage.stuck, stage.door)
    turn = _Turn(exchange, stage.journal.begin(exchange.request), [])
    try:
        answer, hang_up = _settle(turn, stage)
        stage.journal.end(turn.place, status=answer.status, code=answer.code, body_bytes=body.received)
    except (HangUpError, PeerGoneError):
        stage.journal.end(turn.place, body_bytes=body.received)
        raise
    finally:
        stage.script.give_back(fault for fault in turn.faults if any(fault.action is owner for owner in body.armed))
    return _send(connection, head, body, answer, hang_up=hang_up)


def _settle(turn: _Turn, stage: Stage) -> tuple[Answer, bool]:
    """The answer that goes out, and whether the connection ends with it."""
    exchange = turn.exchange
    hang_up = False
    try:
        answer = _carry_out(turn, stage)
        exchange.body.discard()
    except S3Error as error:
        answer, hang_up = error_answer(error, exchange.request.head.path), error.hang_up
        if not hang_up:
            hang_up = not _forgive(exchange.body)
    for fault in turn.faults:
        answer = fault.action.after(exchange, answer)
    return _finish(answer, stage), hang_up


def _carry_out(turn: _Turn, stage: Stage) -> Answer:
    exchange = turn.exchange
    if stage.rules.check_signatures:
        signature.check(exchange.request.head, stage.rules)
    turn.faults = stage.script.take(exchange.request)
    stage.journal.note(turn.place, faults=tuple(fault.name for fault in turn.faults))
    for fault in turn.faults:
        fault.action.before(exchange)
    _check_rights(exchange)
    return OPERATIONS[exchange.request.operation](exchange)


def _check_rights(exchange: Exchange) -> None:
    """Everything that is asked of any operation, in S3's order."""
    request, rules = exchange.request, exchange.rules
    if request.operation == UNKNOWN:
        raise S3Error("NotImplemented", "This store has no such operation.")
    rights.check_headers(exchange)
    if request.bucket and request.operation != "CreateBucket":
        _check_bucket(exchange)
    if len(request.key.encode()) > LARGEST_KEY:
        raise S3Error("KeyTooLongError", "Your key is too long")
    if exchange.headers.get("x-amz-expected-bucket-owner", rules.owner) != rules.owner:
        raise S3Error("AccessDenied", "Access Denied")
    rights.check_denials(exchange)


def _check_bucket(exchange: Exchange) -> None:
    request, rules = exchange.request, exchange.rules
    if request.bucket not in exchange.store.buckets():
        raise S3Error("NoSuchBucket", "The specified bucket does not exist", extra={"BucketName": request.bucket})
    if rules.check_signatures and request.operation != "GetBucketLocation":
        signed_for = signature.parse(request.head).region
        if signed_for != rules.region:
            raise _elsewhere(exchange, signed_for)


def _elsewhere(exchange: Exchange, signed_for: str) -> S3Error:
    region = exchange.rules.region
    headers = {"x-amz-bucket-region": region}
    if exchange.rules.wrong_region == "malformed":
        message = f"The authorization header is malformed; the region '{signed_for}' is wrong; expecting '{region}'"
        return S3Error("AuthorizationHeaderMalformed", message, extra={"Region": region}, headers=headers)
    message = "The bucket you are attempting to access must be addressed using the specified endpoint."
    host = exchange.headers.get("host", "")
    extra = {"Endpoint": host, "Bucket": exchange.request.bucket, "Region": region}
    return S3Error("PermanentRedirect", message, extra=extra, headers=headers)


def _forgive(body: Body) -> bool:
    """After a refusal: whether the connection can be used again, with the rest of the body out of the way."""
    if body.refused:
        return False
    try:
        body.discard()
    except S3Error:
        return False
    return True


def _finish(answer: Answer, stage: Stage) -> Answer:
    answer.headers = {
        "Date": http_date(stage.rules.clock()),
        "Server": "AmazonS3",
        "x-amz-request-id": request_id(),
        "x-amz-id-2": secrets.token_urlsafe(24),
        **answer.headers,
    }
    return answer


def _send(connection: Connection, head: Head, body: Body, answer: Answer, *, hang_up: bool) -> bool:
    if hang_up:
        answer.headers["Connection"] = "close"
    connection.send_answer(answer, with_body=head.method != "HEAD")
    if hang_up and body.refused:
        # The client has not begun to send, or is about to stop: let it read this answer in peace.
        connection.linger()
    return not hang_up and head.headers.get("connection", "").lower() != "close"
