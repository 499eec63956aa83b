"""What the doctor makes of each answer: values in, a check out."""

import datetime as dt
from typing import Any

import pytest

from tiktok_upload.answers import Absence, ListedPart, NoListing, ObjectAnswer, ObjectSeen, Opened, PartAnswer
from tiktok_upload.contact import Contact, Encryption, Kinds, Line, Proxy, Signer, Trouble, Way
from tiktok_upload.doctor import judging, rights
from tiktok_upload.doctor.report import Check, first_error, missing_actions
from tiktok_upload.doctor.rights import Denial
from tiktok_upload.errors import CredentialsError
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import ObjectOptions

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
WAY = Way("https", "bkt.store.example", 443)
DENIED = StoreFault(Kind.DENIED, 403, "AccessDenied")
LOST = StoreFault(Kind.TRANSIENT, 0, "the connection broke")
UNKNOWN = StoreFault(Kind.REFUSED, 501, "NotImplemented")


def contact(skew_s: float | None = 0.0, fault: StoreFault | None = None) -> Contact:
    return Contact(None if skew_s is None else 1_000.0, 1_000.0 + (skew_s or 0.0), fault)


def exit_code(check: Check) -> int:
    return check.error.exit_code if check.error else 0


# ------------------------------------------------------------------------------------------------------------ the way
def test_a_name_is_told_with_its_addresses() -> None:
    check = judging.judge_dns(WAY, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), is_address=False)
    assert (check.status, check.message) == ("ok", "bkt.store.example is at 192.0.2.1 and 2 more")


def test_a_name_that_is_not_known_is_a_matter_of_the_network() -> None:
    check = judging.judge_dns(WAY, Trouble("name", "not known"), is_address=False)
    assert (check.status, exit_code(check)) == ("failed", 7)
    assert "HTTPS_PROXY" in check.hint


def test_behind_a_proxy_a_name_need_not_be_known_here() -> None:
    way = Way("https", "store.example", 443, Proxy("http", "proxy.example", 3128))
    assert judging.judge_dns(way, Trouble("name"), is_address=False).status == "ok"


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (WAY, "none is set"),
        (Way("https", "s", 443, is_bypassed=True), "none for s (NO_PROXY)"),
        (
            Way("https", "s", 443, Proxy("http", "proxy", 3128, "Basic c2VjcmV0")),
            "http://proxy:3128 carries all requests (HTTPS_PROXY)",
        ),
    ],
)
def test_a_proxy_is_told_without_its_password(way: Way, message: str) -> None:
    assert judging.judge_proxy(way).message == message
    assert "c2VjcmV0" not in repr(way)


def test_a_connection_tells_tls_and_who_signed_until_when() -> None:
    check = judging.judge_connection(WAY, Line("TLSv1.3", "An Authority", NOW.timestamp()), 0.0)
    assert (check.status, check.message) == (
        "ok",
        "TLS 1.3, certificate by An Authority, good until 2026-05-01",
    )


def test_a_certificate_that_ends_soon_is_a_warning() -> None:
    end = NOW.timestamp()
    assert judging.judge_connection(WAY, Line("TLSv1.3", "A", end), end - 13 * 86_400).status == "warning"
    assert judging.judge_connection(WAY, Line("TLSv1.3", "A", end), end - 15 * 86_400).status == "ok"


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", "ok"), ("::1", "ok"), ("localhost", "ok"), ("192.0.2.1", "warning"), ("store.lan", "warning")],
)
def test_plain_http_to_another_machine_is_a_warning(host: str, status: str) -> None:
    assert judging.judge_connection(Way("http", host, 80), Line(), 0.0).status == status


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("name", "--endpoint-url"), ("refused", "firewall"), ("timeout", "firewall"), ("network", "firewall"),
     ("proxy", "NO_PROXY"), ("certificate", "--ca-bundle"), ("tls", "http:// or https://")],
)  # fmt: skip
def test_without_a_connection_it_is_said_what_to_look_at(kind: Kinds, hint: str) -> None:
    check = judging.judge_connection(WAY, Trouble(kind, "so\x1b"), 0.0)
    assert (check.status, exit_code(check)) == ("failed", 7)
    assert hint in check.hint
    assert "(so\\x1b)" in check.message


# ------------------------------------------------------------------------------------------------- clock, credentials
@pytest.mark.parametrize(
    ("skew_s", "status", "text"),
    [
        (0.0, "ok", "the same as the store's"),
        (30.0, "ok", "30.0 s ahead of the store's"),
        (-61.0, "warning", "1 min 01 s behind the store's"),
        (901.0, "failed", "15 min 01 s ahead of the store's"),
        (None, "skipped", "the store does not say its time"),
    ],
)
def test_a_clock_is_judged_by_its_distance(skew_s: float | None, status: str, text: str) -> None:
    check = judging.judge_clock(contact(skew_s))
    assert check.status == status
    assert text in check.message
    assert exit_code(check) == (5 if status == "failed" else 0)


def test_a_clock_that_the_store_refuses_is_wrong_though_it_may_not_say_by_how_much() -> None:
    check = judging.judge_clock(contact(None, StoreFault(Kind.CLOCK, 403, "RequestTimeTooSkewed")))
    assert (check.status, exit_code(check)) == ("failed", 5)


def test_no_answer_at_all_is_a_matter_of_the_network() -> None:
    check = judging.judge_clock(LOST)
    assert (check.status, exit_code(check)) == ("failed", 7)
    assert judging.judge_clock(None).status == "skipped"


def credentials(signer: Signer | CredentialsError, fault: StoreFault | None = None, size: int | None = None) -> Check:
    return judging.judge_credentials(signer, contact(0.0, fault), now=NOW, size_bytes=size)


@pytest.mark.parametrize(
    ("signer", "message"),
    [
        (Signer("env", "MPLE"), "env, key id …MPLE; they do not expire"),
        (Signer("env", "MPLE", is_temporary=True), "env, key id …MPLE; temporary, their end is not known"),
        (Signer("assume-role", "MPLE", is_temporary=True), "assume-role, key id …MPLE; renewed as needed"),
        (
            Signer("env", "MPLE", is_temporary=True, ends_at=NOW + dt.timedelta(minutes=58)),
            "env, key id …MPLE; they last 58 min 00 s",
        ),
    ],
)
def test_credentials_are_told_by_their_source_and_end(signer: Signer, message: str) -> None:
    check = credentials(signer)
    assert (check.status, check.message) == ("ok", message)


def test_with_a_size_the_rate_is_told_that_the_credentials_time_asks_for() -> None:
    check = credentials(Signer("env", "MPLE", ends_at=NOW + dt.timedelta(hours=1)), size=3600 << 20)
    assert check.message.endswith("they last 1 h 00 min: 3.52 GiB in that time takes 1 MiB/s")


def test_credentials_that_end_soon_are_a_warning() -> None:
    assert credentials(Signer("env", "MPLE", ends_at=NOW + dt.timedelta(minutes=14))).status == "warning"


@pytest.mark.parametrize("kind", [Kind.CREDENTIALS, Kind.EXPIRED])
def test_credentials_that_the_store_refuses_are_its_own_exit_code(kind: Kind) -> None:
    check = credentials(Signer("env", "MPLE"), StoreFault(kind, 403, "SignatureDoesNotMatch"))
    assert (check.status, exit_code(check)) == ("failed", 5)


def test_a_right_that_is_missing_shows_that_the_credentials_are_good() -> None:
    assert credentials(Signer("env", "MPLE"), DENIED).status == "ok"


def test_no_credentials_at_all() -> None:
    check = credentials(CredentialsError("there are none"))
    assert (check.status, exit_code(check), check.message) == ("failed", 5, "there are none")


# ---------------------------------------------------------------------------------------------------------- the bucket
@pytest.mark.parametrize(
    ("found", "head", "status"),
    [
        (None, "eu-west-1", "ok"),
        (None, None, "skipped"),
        (None, "us-east-2", "warning"),
        ("us-east-2", None, "warning"),
        (None, StoreFault(Kind.DENIED, 403, region="us-east-2"), "warning"),
        (None, DENIED, "skipped"),
    ],
)
def test_a_region_is_compared_with_the_bucket_s(found: str | None, head: str | StoreFault | None, status: str) -> None:
    check = judging.judge_region(contact(), found, "eu-west-1", head)
    assert check.status == status
    assert check.hint == ("add --region us-east-2" if status == "warning" else "")


def test_a_region_that_cannot_be_followed_fails() -> None:
    fault = StoreFault(Kind.REGION, 301, "PermanentRedirect", region="us-east-2")
    check = judging.judge_region(contact(0.0, fault), None, "eu-west-1", None)
    assert (check.status, exit_code(check)) == ("failed", 6)
    assert "--region us-east-2" in check.hint


@pytest.mark.parametrize(
    ("fault", "head", "status", "code"),
    [
        (None, None, "ok", 0),
        (DENIED, "eu-west-1", "ok", 0),
        (None, DENIED, "warning", 0),
        (StoreFault(Kind.NO_BUCKET, 404, "NoSuchBucket"), None, "failed", 6),
        (None, StoreFault(Kind.NOT_FOUND, 404), "failed", 6),
        (None, LOST, "failed", 7),
    ],
)
def test_a_bucket_is_there_or_not(
    fault: StoreFault | None, head: str | StoreFault | None, status: str, code: int
) -> None:
    check = judging.judge_bucket(contact(0.0, fault), "bkt", head)
    assert (check.status, exit_code(check)) == (status, code)


@pytest.mark.parametrize(
    ("found", "status", "text"),
    [("Enabled", "ok", "on:"), ("", "ok", "off:"), ("Suspended", "ok", "off:"), (DENIED, "skipped", "no right"),
     (UNKNOWN, "skipped", "501 NotImplemented"), (LOST, "failed", "no answer")],
)  # fmt: skip
def test_versioning_is_told_where_the_store_tells_it(found: str | StoreFault, status: str, text: str) -> None:
    check = judging.judge_versioning(found)
    assert (check.status, check.actions) == (status, ())
    assert text in check.message


@pytest.mark.parametrize(
    ("found", "status", "text"),
    [(Encryption("AES256"), "ok", "AES256"), (Encryption("aws:kms", "key/1"), "ok", "aws:kms with the key key/1"),
     (Encryption(""), "ok", "no rule"), (DENIED, "skipped", "s3:GetEncryptionConfiguration")],
)  # fmt: skip
def test_encryption_is_told_where_it_may_be_read(found: Encryption | StoreFault, status: str, text: str) -> None:
    check = judging.judge_encryption(found)
    assert check.status == status
    assert text in check.message


# ------------------------------------------------------------------------------------------------------------ uploads
SENTENCE = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: {} on resource: x {}"


@pytest.mark.parametrize(
    ("sentence", "denial"),
    [
        ("Access Denied", Denial()),
        (
            SENTENCE.format("kms:GenerateDataKey", "because no identity-based policy allows it"),
            Denial("kms:GenerateDataKey"),
        ),
        (
            SENTENCE.format("s3:PutObject", "with an explicit deny in a resource-based policy"),
            Denial("s3:PutObject", "there is an explicit deny in a resource-based policy"),
        ),
    ],
)
def test_a_refusal_may_name_the_action(sentence: str, denial: Denial) -> None:
    assert rights.read_denial(sentence) == denial


def test_the_action_that_the_store_names_outranks_the_usual_ones() -> None:
    usual = ("s3:PutObject", "kms:GenerateDataKey")
    assert rights.judge_create(DENIED, Denial(), usual, None).actions == usual
    assert rights.judge_create(DENIED, Denial("kms:GenerateDataKey"), usual, None).actions == ("kms:GenerateDataKey",)


def test_an_explicit_deny_is_not_cured_by_one_more_allow() -> None:
    check = rights.judge_create(DENIED, Denial("s3:PutObject", "there is an explicit deny in a policy"), (), None)
    assert exit_code(check) == 6
    assert "must be taken away" in check.hint


@pytest.mark.parametrize(
    ("options", "is_kms", "actions"),
    [
        (ObjectOptions(), False, ("s3:PutObject",)),
        (ObjectOptions(tags=(("a", "b"),)), False, ("s3:PutObject", "s3:PutObjectTagging")),
        (
            ObjectOptions(acl="bucket-owner-full-control"),
            True,
            ("s3:PutObject", "s3:PutObjectAcl", "kms:GenerateDataKey"),
        ),
    ],
)  # fmt: skip
def test_options_of_the_object_need_rights_of_their_own(
    options: ObjectOptions, is_kms: bool, actions: tuple[str, ...]  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    assert rights.write_actions(options, is_kms=is_kms) == actions


def test_a_store_that_takes_no_crc_is_a_warning() -> None:
    check = rights.judge_create(Opened("id"), Denial(), (), UNKNOWN)
    assert check.status == "warning"
    assert "--checksum md5" in check.hint


@pytest.mark.parametrize(
    ("answered", "ours", "status", "code"),
    [("abc=", "abc=", "ok", 0), (None, "abc=", "warning", 0), (None, None, "ok", 0), ("xyz=", "abc=", "failed", 8)],
)
def test_a_part_s_checksum_is_confirmed_or_not(answered: str | None, ours: str | None, status: str, code: int) -> None:
    check = rights.judge_part(PartAnswer("etag", answered), Denial(), ours, is_kms=False)
    assert (check.status, exit_code(check)) == (status, code)


def test_a_part_that_is_denied_under_kms_misses_decrypt() -> None:
    assert rights.judge_part(DENIED, Denial(), "x", is_kms=True).actions == ("kms:Decrypt",)
    assert rights.judge_part(DENIED, Denial(), "x", is_kms=False).actions == ("s3:PutObject",)


@pytest.mark.parametrize(
    ("found", "is_sent", "status", "actions"),
    [
        ((ListedPart(1, 1024, "e", None),), True, "ok", ()),
        ((), False, "ok", ()),
        ((), True, "warning", ()),
        (NoListing.FORBIDDEN, True, "failed", ("s3:ListMultipartUploadParts",)),
        (NoListing.GONE, True, "failed", ()),
        (LOST, True, "failed", ()),
    ],
)
def test_parts_are_listed_or_not(found: Any, is_sent: bool, status: str, actions: tuple[str, ...]) -> None:  # noqa: FBT001 - a table
    check = rights.judge_listing(found, is_sent=is_sent)
    assert (check.status, check.actions) == (status, actions)


@pytest.mark.parametrize(
    ("days", "status", "text"),
    [(7, "ok", "parts are kept 7 days"), (1, "warning", "24 h 00 min only"), (-1, "warning", "0.0 s only")],
)
def test_how_long_parts_are_kept(days: int, status: str, text: str) -> None:
    check = rights.judge_kept((NOW + dt.timedelta(days=days)).isoformat(), now=NOW, size_bytes=None)
    assert check.status == status
    assert text in check.message


def test_parts_that_no_rule_removes_are_billed() -> None:
    check = rights.judge_kept(None, now=NOW, size_bytes=1 << 40)
    assert (check.status, "billed" in check.message) == ("ok", True)


def test_with_a_size_the_rate_is_told_that_the_parts_time_asks_for() -> None:
    check = rights.judge_kept((NOW + dt.timedelta(days=7)).isoformat(), now=NOW, size_bytes=1 << 40)
    assert check.message.endswith("1 TiB in that time takes 1.73 MiB/s")


def test_a_rule_that_has_removed_the_parts_already_asks_for_no_rate() -> None:
    check = rights.judge_kept((NOW - dt.timedelta(days=1)).isoformat(), now=NOW, size_bytes=1 << 40)
    assert "takes" not in check.message


def abort(faults: list[StoreFault], left: list[str], *, is_unknown: bool = False) -> Check:
    return rights.judge_abort(faults, Denial(), left, "s3://bkt/k", is_unknown=is_unknown)


def test_an_upload_that_stays_is_named_by_key_and_id() -> None:
    check = abort([DENIED], ["id-1"])
    assert (check.status, exit_code(check), check.actions) == ("failed", 6, ("s3:AbortMultipartUpload",))
    assert "s3://bkt/k" in check.message
    assert "id-1" in check.message
    assert abort([], ["id-1"]).status == "failed"
    assert abort([], []).status == "ok"
    assert abort([], [], is_unknown=True).status == "warning"


@pytest.mark.parametrize(("fault", "status"), [(None, "ok"), (DENIED, "warning"), (UNKNOWN, "skipped")])
def test_listing_uploads_is_a_wish_and_no_need(fault: StoreFault | None, status: str) -> None:
    assert rights.judge_uploads_listing(fault).status == status


def kms(created: Any, part: Any, said: Denial | None = None, *, is_kms: bool = True) -> Check:
    return rights.judge_kms(created, part, said or Denial(), is_kms=is_kms, is_known=True)


def test_rights_at_kms_follow_from_what_came_of_the_upload() -> None:
    stored = PartAnswer("e", None)
    assert kms(Opened("id"), stored).status == "ok"
    assert kms(Opened("id"), stored, is_kms=False).status == "skipped"
    assert kms(Opened("id"), DENIED).actions == ("kms:Decrypt",)
    assert kms(DENIED, None, Denial("kms:GenerateDataKey"), is_kms=False).actions == ("kms:GenerateDataKey",)
    assert kms(DENIED, None, Denial("s3:PutObject")).status == "skipped"
    assert kms(Opened("id"), LOST).status == "skipped"
    assert kms(None, None).status == "skipped"


@pytest.mark.parametrize(
    ("options", "bucket", "is_kms"),
    [
        (ObjectOptions(), Encryption("aws:kms"), True),
        (ObjectOptions(), Encryption("AES256"), False),
        (ObjectOptions(), DENIED, False),
        (ObjectOptions(sse="AES256"), Encryption("aws:kms"), False),
        (ObjectOptions(sse="aws:kms:dsse"), None, True),
    ],
)
def test_options_outrank_the_bucket_s_encryption(options: ObjectOptions, bucket: Any, is_kms: bool) -> None:  # noqa: FBT001 - a table
    assert rights.is_kms(options, bucket) is is_kms


# ------------------------------------------------------------------------------------------------------------ objects
SEEN = ObjectSeen(1024, "etag", {}, {"ChecksumCRC64NVME": "x"})


@pytest.mark.parametrize(
    ("found", "may_list", "status", "actions"),
    [
        (Absence.ABSENT, True, "ok", ()),
        (Absence.FORBIDDEN, True, "warning", ("s3:GetObject",)),
        (Absence.FORBIDDEN, False, "warning", ("s3:GetObject", "s3:ListBucket")),
        (SEEN, True, "ok", ()),
        (LOST, True, "failed", ()),
    ],
)
def test_looking_at_a_key_that_is_free(found: Any, may_list: bool, status: str, actions: tuple[str, ...]) -> None:  # noqa: FBT001 - a table
    check = rights.judge_head(found, may_list=may_list)
    assert (check.status, check.actions) == (status, actions)


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        (SEEN, "ok", 0),
        (ObjectSeen(1024, "etag", {}, {}), "ok", 0),
        (ObjectSeen(1024, "other", {}, {}), "warning", 0),
        (ObjectSeen(1, "etag", {}, {}), "failed", 8),
        (Absence.ABSENT, "failed", 8),
        (Absence.FORBIDDEN, "warning", 0),
        (LOST, "failed", 7),
    ],
)
def test_looking_at_what_was_stored(found: Any, status: str, code: int) -> None:
    check = rights.judge_head_again(found, 1024, "etag")
    assert (check.status, exit_code(check)) == (status, code)


@pytest.mark.parametrize(
    ("found", "status"),
    [(ObjectAnswer("e", None, None), "warning"), (StoreFault(Kind.PRECONDITION, 412), "ok"), (UNKNOWN, "failed")],
)
def test_a_second_write_must_be_refused(found: Any, status: str) -> None:
    assert rights.judge_condition(found).status == status


def test_an_object_that_stays_is_named() -> None:
    assert rights.judge_delete([], is_marked=False, where="s3://bkt/k").status == "ok"
    assert "remove it by hand" in rights.judge_delete([DENIED], is_marked=False, where="s3://bkt/k").hint
    assert "delete marker" in rights.judge_delete([DENIED], is_marked=True, where="s3://bkt/k").message


# ------------------------------------------------------------------------------------------------------------- the sum
def test_the_first_failure_counts_and_every_right_is_asked_for_once() -> None:
    checks = (
        rights.judge_head(Absence.FORBIDDEN, may_list=True),
        rights.judge_create(DENIED, Denial(), ("s3:PutObject", "s3:GetObject"), None),
        judging.judge_dns(WAY, Trouble("name"), is_address=False),
    )
    assert first_error(checks) is checks[1].error
    assert missing_actions(checks) == ("s3:GetObject", "s3:PutObject")
