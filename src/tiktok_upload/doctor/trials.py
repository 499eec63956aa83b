"""What the doctor tries at the store: an upload that is never completed, and, where wanted, one tiny object."""

import base64
import datetime as dt
import hashlib
import io
from dataclasses import dataclass

from tiktok_upload.answers import Digest, ObjectAnswer, Opened, PartAnswer
from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.contact import Encryption
from tiktok_upload.doctor import rights
from tiktok_upload.doctor.report import Check
from tiktok_upload.doctor.rights import Denial
from tiktok_upload.doctor.visit import Visit
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import ObjectOptions
from tiktok_upload.store.probe import Probe, said

_CONTENT = b"written by tiktok-upload doctor\n".ljust(1024, b".")
_LOST = StoreFault(Kind.TRANSIENT, code="no answer was awaited")


class _Content(io.BytesIO):
    """The body of a part or an object."""

    error: Exception | None = None

    def __len__(self) -> int:
        return len(self.getbuffer())


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried, and on whom.

    Attributes:
        probe: The bucket.
        lax: The same, asked with Content-MD5; None where that is not to be tried.
        key: One that nobody else uses.
        where: The key's URI, for messages.
        encryption: Of the bucket, as far as it is known.
        size_bytes: Of the file that is to be sent, where that is known.
    """

    probe: Probe
    lax: Probe | None
    key: str
    where: str
    proof: Proof
    options: ObjectOptions
    encryption: Encryption | StoreFault
    size_bytes: int | None

    @property
    def is_kms(self) -> bool:
        """Whether KMS will be needed, as far as it is known."""
        return rights.is_kms(self.options, self.encryption)

    @property
    def write_actions(self) -> tuple[str, ...]:
        """What writing needs."""
        return rights.write_actions(self.options, is_kms=self.is_kms)


def denial(found: object) -> Denial:
    """What a refusal says of the right that is missing."""
    return rights.read_denial(said(found)) if isinstance(found, StoreFault) and found.kind is Kind.DENIED else Denial()


def is_open(fault: StoreFault) -> bool:
    """Whether the store may have carried it out all the same: no answer came, or a failure of its own."""
    return fault.is_retryable


class UploadTrial:
    """Begin an upload, store a part of 1 KiB, list it, drop it all."""

    def __init__(self, visit: Visit, subject: Subject) -> None:
        self._visit = visit
        self._subject = subject
        self._probe, self._proof = subject.probe, subject.proof
        self._is_asked = False
        self._created: Opened | StoreFault | None = None
        self._part: PartAnswer | StoreFault | None = None

    def run(self) -> None:
        """All of it; the upload is dropped even when the visit is stopped or something breaks."""
        begun = ("create_upload",)
        try:
            self._visit.check("create_upload", self._create)
            self._visit.check("send_part", self._send, needs=begun)
            self._visit.check("list_parts", self._list, needs=begun)
            self._visit.check("parts_kept", self._kept, needs=begun)
        finally:
            if self._may_be_open():
                self._visit.check("abort_upload", self._abort, is_cleaning=True)
            else:
                self._visit.skip_after("create_upload", "abort_upload")

    @property
    def proof(self) -> Proof:
        """The one that the store took."""
        return self._proof

    def judge_kms(self) -> Check:
        """Whether the key may be used."""
        subject, created = self._subject, self._created
        missing = denial(created) if isinstance(created, StoreFault) else denial(self._part)
        is_known = isinstance(subject.encryption, Encryption)
        return rights.judge_kms(created, self._part, missing, is_kms=subject.is_kms, is_known=is_known)

    def _create(self) -> Check:
        subject, refused = self._subject, None
        self._is_asked = True
        found = self._visit.heard(lambda: subject.probe.create(subject.key, metadata={}))
        self._created = found
        if isinstance(found, StoreFault) and found.kind is Kind.REFUSED and subject.lax is not None:
            self._probe, self._proof, refused = subject.lax, "md5", found
            found = self._visit.heard(lambda: self._probe.create(subject.key, metadata={}))
            self._created = found
        return rights.judge_create(found, denial(found), subject.write_actions, refused)

    def _send(self) -> Check:
        body, digest = content(self._proof)
        upload_id = self._upload_id
        self._part = self._visit.heard(lambda: self._probe.put_part(self._subject.key, upload_id, 1, body, digest))
        checksum = None if self._proof == "md5" else digest.checksum
        return rights.judge_part(self._part, denial(self._part), checksum, is_kms=self._subject.is_kms)

    def _list(self) -> Check:
        found = self._visit.heard(lambda: self._probe.list_parts(self._subject.key, self._upload_id))
        return rights.judge_listing(found, is_sent=isinstance(self._part, PartAnswer))

    def _kept(self) -> Check:
        kept_until = self._created.kept_until if isinstance(self._created, Opened) else None
        return rights.judge_kept(kept_until, now=dt.datetime.now(dt.UTC), size_bytes=self._subject.size_bytes)

    @property
    def _upload_id(self) -> str:
        return self._created.upload_id if isinstance(self._created, Opened) else ""

    # ------------------------------------------------------------------------------------------------------- the end
    def _may_be_open(self) -> bool:
        is_refused = isinstance(self._created, StoreFault) and not is_open(self._created)
        return self._is_asked and not is_refused

    def _abort(self) -> Check:
        """Of a Create whose answer was lost only the store's own list knows; nobody else uses the key."""
        faults: list[StoreFault] = []
        listed = self._listed()
        ids = {self._upload_id, *(() if isinstance(listed, StoreFault) else listed)} - {""}
        left = [one for one in sorted(ids) if not self._is_dropped(one, faults)]
        again = self._listed() if ids and not isinstance(listed, StoreFault) else []
        left += [one for one in (() if isinstance(again, StoreFault) else again) if one not in left]
        is_unknown = not self._upload_id and isinstance(listed, StoreFault)
        missing = denial(faults[0]) if faults else Denial()
        return rights.judge_abort(faults, missing, left, self._subject.where, is_unknown=is_unknown)

    def _listed(self) -> list[str] | StoreFault:
        key = self._subject.key
        return self._visit.heard(
            lambda: [one.upload_id for one in self._probe.open_uploads(key) if one.key == key], is_cleaning=True
        )

    def _is_dropped(self, upload_id: str, faults: list[StoreFault]) -> bool:
        key = self._subject.key
        found = self._visit.heard(lambda: self._probe.abort(key, upload_id), is_cleaning=True)
        faults += [found] if isinstance(found, StoreFault) else []
        return found is None


class ObjectTrial:
    """Put an object of 1 KiB, look at it, try to put it once more under a condition, remove it."""

    def __init__(self, visit: Visit, subject: Subject, proof: Proof) -> None:
        self._visit = visit
        self._subject = subject
        self._probe = subject.lax if proof == "md5" and subject.lax is not None else subject.probe
        self._proof = proof
        self._answers: list[ObjectAnswer | StoreFault] = []  # one that is still awaited counts as lost

    def run(self) -> None:
        """All of it; the object is removed even when the visit is stopped or something breaks."""
        put = ("put_object",)
        try:
            self._visit.check("put_object", self._put)
            self._visit.check("head_again", self._head, needs=put)
            self._visit.check("no_overwrite", self._put_again, needs=put)
        finally:
            if self._stored():
                self._visit.check("delete_object", self._delete, is_cleaning=True)
            else:
                self._visit.skip_after("put_object", "delete_object")

    def _put(self) -> Check:
        found = self._written(overwrite=True)
        _, digest = content(self._proof)
        checksum = None if self._proof == "md5" else digest.checksum
        return rights.judge_put(found, denial(found), self._subject.write_actions, checksum)

    def _head(self) -> Check:
        found = self._visit.heard(lambda: self._probe.head(self._subject.key))
        first = self._answers[0]
        etag = first.etag if isinstance(first, ObjectAnswer) else ""
        return rights.judge_head_again(found, len(_CONTENT), etag)

    def _put_again(self) -> Check:
        return rights.judge_condition(self._written(overwrite=False))

    def _written(self, *, overwrite: bool) -> ObjectAnswer | StoreFault:
        body, digest = content(self._proof)
        key = self._subject.key
        self._answers.append(_LOST)
        found = self._visit.heard(lambda: self._probe.put_object(key, body, digest, metadata={}, overwrite=overwrite))
        self._answers[-1] = found
        return found

    # ------------------------------------------------------------------------------------------------------- the end
    def _stored(self) -> list[ObjectAnswer | StoreFault]:
        """What was or may have been stored."""
        return [one for one in self._answers if isinstance(one, ObjectAnswer) or is_open(one)]

    def _delete(self) -> Check:
        """Each version by its id, where the bucket has them: a plain DELETE would only hide them."""
        versions = {one.version_id if isinstance(one, ObjectAnswer) else None for one in self._stored()}
        faults = [fault for one in versions if (fault := self._deleted(one)) is not None]
        is_marked = bool(faults) and versions != {None} and self._deleted(None) is None
        return rights.judge_delete(faults, is_marked=is_marked, where=self._subject.where)

    def _deleted(self, version_id: str | None) -> StoreFault | None:
        key = self._subject.key
        return self._visit.heard(lambda: self._probe.delete(key, version_id), is_cleaning=True)


def content(proof: Proof) -> tuple[_Content, Digest]:
    """A body, and what proves it."""
    crc = crc_for(proof)
    md5 = base64.b64encode(hashlib.md5(_CONTENT, usedforsecurity=False).digest()).decode()
    return _Content(_CONTENT), Digest(crc.encode(crc.update(_CONTENT, 0)), md5 if proof == "md5" else None)
