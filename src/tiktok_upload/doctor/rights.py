"""The doctor's judgement of what may be done with uploads and objects: pure functions."""

import datetime as dt
import re
from dataclasses import dataclass

from tiktok_upload.answers import Absence, Listing, NoListing, ObjectAnswer, ObjectSeen, Opened, PartAnswer, Seen
from tiktok_upload.contact import Encryption
from tiktok_upload.doctor.judging import refusal
from tiktok_upload.doctor.report import Check, failed, ok, skipped, warning
from tiktok_upload.errors import StoreRefusedError, TransferError, WrongObjectError
from tiktok_upload.faults import Kind, StoreFault, explain
from tiktok_upload.settings import ObjectOptions
from tiktok_upload.units import format_duration, format_rate, format_size

_SHORT_S = 2 * 86_400.0
_WHO_DENIES = re.compile(
    r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)(?:.*?(explicit deny in an? [a-z -]+?policy))?"
)
_GENERATE, _DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"


@dataclass(frozen=True, slots=True)
class Denial:
    """What the store says of a right that is missing.

    Attributes:
        action: The exact one, where it names it.
        reason: Why, where it says so.
    """

    action: str | None = None
    reason: str = ""


def read_denial(sentence: str) -> Denial:
    """S3's newer refusals name the action: «… is not authorized to perform: kms:Decrypt on resource …»."""
    found = _WHO_DENIES.search(sentence)
    if found is None:
        return Denial()
    return Denial(found[1], f"there is an {found[2]}" if found[2] else "")


def write_actions(options: ObjectOptions, *, is_kms: bool) -> tuple[str, ...]:
    """What writing needs with these options."""
    wanted = {
        "s3:PutObject": True,
        "s3:PutObjectTagging": bool(options.tags),
        "s3:PutObjectAcl": bool(options.acl),
        _GENERATE: is_kms,
    }
    return tuple(action for action, is_needed in wanted.items() if is_needed)


# ------------------------------------------------------------------------------------------------------------ uploads
def judge_create(
    found: Opened | StoreFault, denial: Denial, usual: tuple[str, ...], refused: StoreFault | None
) -> Check:
    """Whether a multipart upload may be begun.

    Args:
        found: The answer.
        denial: What it says of the missing right.
        usual: What is missing if it does not say so.
        refused: The refusal of the same with a CRC, where this is the answer to Content-MD5.
    """
    if isinstance(found, StoreFault):
        return _denied("create_upload", "an upload cannot be begun", found, denial, usual)
    if refused is not None:
        return warning(
            "create_upload",
            f"the store refuses uploads with a CRC ({refused}), and takes them without",
            "push falls back to Content-MD5 by itself; --checksum md5 saves the way round",
        )
    return ok("create_upload", "an upload can be begun")


def judge_part(found: PartAnswer | StoreFault, denial: Denial, checksum: str | None, *, is_kms: bool) -> Check:
    """Whether parts are taken, and verified by the store.

    Args:
        found: The answer.
        denial: What it says of the missing right.
        checksum: What the store should echo; None where Content-MD5 was sent.
        is_kms: The upload is encrypted with KMS, so that each part needs `kms:Decrypt`.
    """
    if isinstance(found, StoreFault):
        usual = (_DECRYPT,) if is_kms else ("s3:PutObject",)
        return _denied("send_part", "a part of 1 KiB was not stored", found, denial, usual)
    return _confirmed("send_part", "a part was stored", found.checksum, checksum)


def judge_listing(found: Listing | StoreFault, *, is_sent: bool) -> Check:
    """Whether a later run can see what is stored."""
    actions = ("s3:ListMultipartUploadParts",)
    if found is NoListing.FORBIDDEN:
        found = StoreFault(Kind.DENIED, 403, "AccessDenied")
    if isinstance(found, StoreFault):
        error = refusal("the stored parts cannot be listed, so an upload is resumed by memory only", found, actions)
        return failed("list_parts", error, _asked(found, actions))
    if not isinstance(found, tuple):
        hint = "run it again; if it stays so, the store keeps no uploads"
        return failed("list_parts", TransferError("the store has already forgotten the upload", hint=hint))
    if is_sent and not found:
        hint = "an interrupted upload sends everything again at such a store"
        return warning("list_parts", "the store does not list the part that it took", hint)
    return ok("list_parts", "the stored parts can be listed, so an interrupted upload can be resumed")


def judge_kept(kept_until: str | None, *, now: dt.datetime, size_bytes: int | None) -> Check:
    """How long an unfinished upload is kept."""
    if kept_until is None:
        return ok(
            "parts_kept", "no rule removes unfinished uploads: they wait, and are billed, until resumed or dropped"
        )
    left_s = (dt.datetime.fromisoformat(kept_until) - now).total_seconds()
    rate = ""
    if size_bytes and left_s > 0:
        rate = f"; {format_size(size_bytes)} in that time takes {format_rate(size_bytes / left_s)}"
    if left_s < _SHORT_S:
        text = f"parts are kept {format_duration(max(0.0, left_s))} only, until {kept_until}{rate}"
        hint = "ask for a longer AbortIncompleteMultipartUpload rule: what is not complete by then begins anew"
        return warning("parts_kept", text, hint)
    return ok("parts_kept", f"parts are kept {left_s / 86_400:.0f} days, until {kept_until}{rate}")


def judge_abort(faults: list[StoreFault], denial: Denial, left: list[str], where: str, *, is_unknown: bool) -> Check:
    """Whether the doctor's own upload is gone.

    Args:
        faults: What went wrong on the way.
        denial: What the first says of the missing right.
        left: Ids of uploads that are still there.
        where: Of the upload.
        is_unknown: The answer to Create was lost, and uploads cannot be listed.
    """
    if is_unknown:
        text = f"whether an upload to {where} was begun is not known, and it cannot be listed"
        return warning("abort_upload", text, _wish(("s3:ListBucketMultipartUploads",)))
    if not left:
        return ok("abort_upload", "the upload was dropped again; nothing is left of it")
    doing = f"the doctor's own upload to {where} was not dropped (id {', '.join(left)})"
    if not faults:
        return failed("abort_upload", StoreRefusedError(doing, hint="drop it with: aws s3api abort-multipart-upload"))
    return _denied("abort_upload", doing, faults[0], denial, ("s3:AbortMultipartUpload",))


def judge_uploads_listing(fault: StoreFault | None) -> Check:
    """Whether `uploads list --to` works."""
    if fault is None:
        return ok("list_uploads", "unfinished uploads can be listed: uploads list --to")
    if fault.kind is Kind.DENIED:
        actions = ("s3:ListBucketMultipartUploads",)
        return warning("list_uploads", "others' unfinished uploads cannot be listed", _wish(actions), actions)
    return skipped("list_uploads", f"the store does not list unfinished uploads ({fault})")


def judge_kms(
    created: Opened | StoreFault | None,
    part: PartAnswer | StoreFault | None,
    said: Denial,
    *,
    is_kms: bool,
    is_known: bool,
) -> Check:
    """Whether the key may be used; by what create and part came to.

    Args:
        created: Needs `kms:GenerateDataKey`.
        part: Needs `kms:Decrypt`.
        said: The right that was missing, where one was.
        is_kms: The bucket or the options ask for KMS.
        is_known: Whether that is known.
    """
    missing = said.action if said.action and said.action.startswith("kms:") else None
    if isinstance(created, Opened) and isinstance(part, StoreFault) and part.kind is Kind.DENIED and is_kms:
        missing = missing or _DECRYPT
    if missing is not None:
        hint = f"ask the key's administrator for {missing}: the key's own policy must allow it, too"
        return failed("kms", StoreRefusedError(f"there is no right to {missing}", hint=hint), (missing,))
    if not isinstance(created, Opened) or isinstance(part, StoreFault):
        return skipped("kms", "not known: the upload failed before")
    if is_kms:
        return ok("kms", f"the key may be used: {_GENERATE}, {_DECRYPT}")
    return skipped("kms", "the bucket does not encrypt with KMS" if is_known else "no sign of a key of KMS")


# ------------------------------------------------------------------------------------------------------------ objects
def judge_head(found: Seen | StoreFault, *, may_list: bool) -> Check:
    """Whether it can be seen that a key is free.

    Args:
        found: HEAD's answer for a key that is not there.
        may_list: There is the right to `s3:ListBucket`, without which a 403 stands for a 404.
    """
    if isinstance(found, StoreFault):
        return failed("head_object", explain(found, "a key that is not there could not be looked at"))
    if found is Absence.ABSENT:
        return ok("head_object", "a key that is not there is seen to be free")
    if found is not Absence.FORBIDDEN:
        return ok("head_object", "objects can be looked at")
    actions = ("s3:GetObject",) if may_list else ("s3:GetObject", "s3:ListBucket")
    text = "403 for a key that is not there: push cannot see whether an object is there, nor verify it in the end"
    return warning("head_object", text, _wish(actions), actions)


def judge_put(found: ObjectAnswer | StoreFault, denial: Denial, usual: tuple[str, ...], checksum: str | None) -> Check:
    """Whether a small file can be delivered."""
    if isinstance(found, StoreFault):
        return _denied("put_object", "an object was not stored", found, denial, usual)
    return _confirmed("put_object", "an object was stored", found.checksum, checksum)


def judge_head_again(found: Seen | StoreFault, size: int, etag: str) -> Check:
    """Whether what was stored can be verified."""
    if isinstance(found, StoreFault):
        return failed("head_again", explain(found, "the object could not be looked at"))
    if found is Absence.FORBIDDEN:
        actions = ("s3:GetObject",)
        return warning("head_again", "what was stored cannot be looked at, so not be verified", _wish(actions), actions)
    if not isinstance(found, ObjectSeen) or found.size != size:
        hint = "the store does not show what it stored: ask whoever runs it before sending anything"
        return failed("head_again", WrongObjectError("the object that was stored is not there", hint=hint))
    if found.etag != etag:
        return warning("head_again", "the object has another ETag than the store answered", "verify goes by checksums")
    by = "its checksum" if found.checksums else "its size and ETag; the store names no checksum"
    return ok("head_again", f"the object can be verified by {by}")


def judge_condition(found: ObjectAnswer | StoreFault) -> Check:
    """Whether the store keeps one object from replacing another.

    Args:
        found: The answer to a write under If-None-Match over an object that is there.
    """
    if not isinstance(found, StoreFault):
        text = "the store ignores If-None-Match: of two uploads to one key at once the later one replaces the other"
        return warning("no_overwrite", text, "let nobody else write to these keys")
    if found.kind in (Kind.PRECONDITION, Kind.RACE):
        return ok("no_overwrite", "an object that is there is not overwritten, not even in a race")
    return failed("no_overwrite", explain(found, "the store refused a write under If-None-Match"))


def judge_delete(faults: list[StoreFault], *, is_marked: bool, where: str) -> Check:
    """What is left of the doctor's own object.

    Args:
        faults: What went wrong; nothing is left where nothing did.
        is_marked: It is hidden by a delete marker; its versions stay.
        where: Of the object.
    """
    if not faults:
        return ok("delete_object", "the object was removed again; nothing is left of it")
    if is_marked:
        text = f"{where} is hidden by a delete marker; its versions stay ({faults[0]})"
        return warning("delete_object", text, "s3:DeleteObjectVersion would remove them; no upload needs it")
    text = f"{where} could not be removed ({faults[0]})"
    return warning("delete_object", text, "remove it by hand; no upload needs s3:DeleteObject")


# ------------------------------------------------------------------------------------------------------------- wording
def _denied(name: str, doing: str, fault: StoreFault, denial: Denial, usual: tuple[str, ...]) -> Check:
    actions = (denial.action,) if denial.action else usual
    return failed(name, refusal(doing, fault, actions, denial.reason), _asked(fault, actions))


def _asked(fault: StoreFault, actions: tuple[str, ...]) -> tuple[str, ...]:
    return actions if fault.kind is Kind.DENIED else ()


def _wish(actions: tuple[str, ...]) -> str:
    return f"ask the bucket's administrator for {' and '.join(actions)}"


def _confirmed(name: str, done: str, answered: str | None, ours: str | None) -> Check:
    if ours is None:
        return ok(name, f"{done} by its Content-MD5")
    if answered is None:
        text = f"{done}, but the store does not say that it verified the checksum"
        return warning(name, text, "push compares ETags and sizes instead; verify says what is proved")
    if answered != ours:
        hint = "do not use this store, or the proxy on the way, before that is explained"
        return failed(name, WrongObjectError(f"{done} with another checksum than was sent", hint=hint))
    return ok(name, f"{done}, and the store confirmed its checksum")


def is_kms(options: ObjectOptions, bucket: Encryption | StoreFault | None) -> bool:
    """Whether what is sent will be encrypted with KMS: by the options, else by the bucket."""
    if options.sse is not None:
        return options.sse.startswith("aws:kms")
    return isinstance(bucket, Encryption) and bucket.is_kms
