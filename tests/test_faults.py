"""Every answer of a store has one meaning, and every meaning an exit code and a next step."""

import pytest

from tiktok_upload import faults
from tiktok_upload.faults import RETRYABLE, Kind, StoreFault, classify, explain

CODES = {
    Kind.THROTTLED: "SlowDown Throttling ThrottlingException RequestLimitExceeded TooManyRequests",
    Kind.NO_SUCH_UPLOAD: "NoSuchUpload",
    Kind.INVALID_PART: "InvalidPart InvalidPartOrder",
    Kind.PRECONDITION: "PreconditionFailed",
    Kind.RACE: "ConditionalRequestConflict",
    Kind.NO_BUCKET: "NoSuchBucket",
    Kind.EXPIRED: "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired",
    Kind.CREDENTIALS: "InvalidAccessKeyId InvalidToken SignatureDoesNotMatch InvalidSecurity NotSignedUp",
    Kind.CLOCK: "RequestTimeTooSkewed",
    Kind.REGION: "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException",
    Kind.TRANSIENT: (
        "RequestTimeout BadDigest XAmzContentChecksumMismatch XAmzContentSHA256Mismatch IncompleteBody InternalError"
        " OperationAborted"
    ),
}
KIND_OF_CODE = [(code, kind) for kind, codes in CODES.items() for code in codes.split()]
STATUSES = (200, 301, 400, 403, 404, 409, 412, 500, 503)


@pytest.mark.parametrize(("code", "kind"), KIND_OF_CODE)
def test_a_code_means_the_same_under_any_status(code: str, kind: Kind) -> None:
    assert [kind] * len(STATUSES) == [classify(status, code) for status in STATUSES]


def test_every_code_that_is_told_apart_is_in_this_table() -> None:
    assert dict(KIND_OF_CODE) == faults._BY_CODE


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (301, "", Kind.REGION),
        (307, "TemporaryRedirect", Kind.TRANSIENT),
        (400, "", Kind.REFUSED),
        (400, "EntityTooLarge", Kind.REFUSED),
        (400, "InvalidStorageClass", Kind.REFUSED),
        (401, "", Kind.CREDENTIALS),
        (403, "AccessDenied", Kind.DENIED),
        (403, "", Kind.DENIED),
        (404, "", Kind.NOT_FOUND),
        (404, "NoSuchKey", Kind.NOT_FOUND),
        (405, "MethodNotAllowed", Kind.REFUSED),
        (408, "", Kind.TRANSIENT),
        (409, "", Kind.RACE),
        (411, "MissingContentLength", Kind.REFUSED),
        (412, "", Kind.PRECONDITION),
        (423, "", Kind.DENIED),
        (429, "", Kind.THROTTLED),
        (499, "", Kind.REFUSED),
        (500, "", Kind.TRANSIENT),
        (501, "NotImplemented", Kind.REFUSED),
        (502, "", Kind.TRANSIENT),
        (503, "ServiceUnavailable", Kind.THROTTLED),
        (504, "", Kind.TRANSIENT),
        (599, "", Kind.TRANSIENT),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status: int, code: str, kind: Kind) -> None:
    assert kind is classify(status, code)


@pytest.mark.parametrize("code", ["", "SomethingNew"])
def test_an_error_in_a_good_answer_may_pass(code: str) -> None:
    # S3 may answer 200 to Complete and put the error into the body.
    assert Kind.TRANSIENT is classify(200, code)


def test_any_4xx_that_is_not_known_to_pass_is_final() -> None:
    passing = {status for status in range(400, 500) if StoreFault(classify(status, "")).is_retryable}
    assert passing == {408, 429}


def test_any_5xx_but_not_implemented_may_pass() -> None:
    final = {status for status in range(500, 600) if not StoreFault(classify(status, "")).is_retryable}
    assert final == {501}


@pytest.mark.parametrize("kind", Kind)
def test_only_what_may_pass_by_itself_is_tried_again(kind: Kind) -> None:
    assert (kind in {Kind.TRANSIENT, Kind.THROTTLED, Kind.UNREACHABLE}) == StoreFault(kind).is_retryable
    assert (kind in RETRYABLE) == StoreFault(kind).is_retryable


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (StoreFault(Kind.THROTTLED, 503, "SlowDown"), "503 SlowDown"),
        (StoreFault(Kind.DENIED, 403), "403"),
        (StoreFault(Kind.UNREACHABLE, code="no connection could be made"), "no connection could be made"),
    ],
)
def test_a_fault_is_named_by_what_the_store_said(fault: StoreFault, shown: str) -> None:
    assert shown == str(fault)


def test_two_answers_alike_are_still_two_faults() -> None:
    assert StoreFault(Kind.DENIED, 403) != StoreFault(Kind.DENIED, 403)


EXIT_CODES = {
    Kind.TRANSIENT: 7,
    Kind.THROTTLED: 7,
    Kind.UNREACHABLE: 7,
    Kind.NO_SUCH_UPLOAD: 7,
    Kind.INVALID_PART: 7,
    Kind.WRONG_CONTENT: 8,
    Kind.PRECONDITION: 11,
    Kind.RACE: 11,
    Kind.DENIED: 6,
    Kind.NO_BUCKET: 6,
    Kind.NOT_FOUND: 6,
    Kind.REGION: 6,
    Kind.REFUSED: 6,
    Kind.CREDENTIALS: 5,
    Kind.EXPIRED: 5,
    Kind.CLOCK: 5,
}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_ends_with_its_exit_code_and_says_what_to_do(kind: Kind) -> None:
    error = explain(StoreFault(kind, 418, "Teapot"), "part 37 of 112 was not stored", kept="36 parts, 2.3 GiB")
    assert (EXIT_CODES[kind], kind.value, "36 parts, 2.3 GiB") == (error.exit_code, error.name, error.kept)
    assert error.message == "part 37 of 112 was not stored: the store answered 418 Teapot"
    assert error.hint


@pytest.mark.parametrize("kind", [kind for kind, code in EXIT_CODES.items() if code in (5, 6, 7)])
def test_what_was_stored_can_be_continued_from_after_login_rights_or_network_came_back(kind: Kind) -> None:
    assert explain(StoreFault(kind), "x").resumable


def test_where_no_answer_came_none_is_claimed() -> None:
    fault = StoreFault(Kind.UNREACHABLE, code="no connection could be made")
    assert explain(fault, "no upload could be begun").message == "no upload could be begun: no connection could be made"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (Kind.DENIED, "s3:PutObject"),
        (Kind.DENIED, "kms:Decrypt"),
        (Kind.NO_BUCKET, "--to"),
        (Kind.NOT_FOUND, "--endpoint-url"),
        (Kind.CREDENTIALS, "--profile"),
        (Kind.EXPIRED, "log in"),
        (Kind.CLOCK, "clock"),
        (Kind.REGION, "--region"),
        (Kind.UNREACHABLE, "--endpoint-url"),
        (Kind.THROTTLED, "later"),
        (Kind.PRECONDITION, "--overwrite"),
        (Kind.WRONG_CONTENT, "--restart"),
        (Kind.INVALID_PART, "--restart"),
    ],
)
def test_a_hint_names_what_helps(kind: Kind, word: str) -> None:
    assert word in explain(StoreFault(kind, 400), "x").hint


def test_the_region_is_told_where_the_store_names_it() -> None:
    error = explain(StoreFault(Kind.REGION, 301, region="eu-north-1"), "x")
    assert error.hint == "the bucket is in eu-north-1: add --region eu-north-1"


def test_a_region_is_no_hint_for_another_fault() -> None:
    assert "eu-north-1" not in explain(StoreFault(Kind.DENIED, 403, region="eu-north-1"), "x").hint
