"""`doctor`: prove every right and setting with a tiny upload before a large one.

Unless `write_probe` is given, nothing is put and no upload is completed. The upload that is begun is dropped
again, whatever happens.
"""

import datetime as dt
import os
import time
from collections.abc import Callable

from tiktok_upload.checksum import Proof
from tiktok_upload.contact import Contact, Encryption, Signer, Way
from tiktok_upload.destination import Destination, parse_destination
from tiktok_upload.doctor import judging
from tiktok_upload.doctor.network import connect, is_address, resolve
from tiktok_upload.doctor.report import Check, DoctorReport, first_error, missing_actions
from tiktok_upload.doctor.rights import judge_head, judge_uploads_listing
from tiktok_upload.doctor.trials import ObjectTrial, Subject, UploadTrial
from tiktok_upload.doctor.visit import Visit
from tiktok_upload.errors import CredentialsError
from tiktok_upload.faults import Kind, StoreFault, explain
from tiktok_upload.policy import Policy, partition_of, policy
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.stop import Cancelled, Stop
from tiktok_upload.store.probe import Probe, SignedClients, UnsignedClients
from tiktok_upload.text import escape
from tiktok_upload.version import __version__

_STALL_S = 20.0  # for one answer


def nobody(_: Check) -> None:
    """An observer that does not listen."""


def doctor(
    to: str,
    *,
    connection: Connection | None = None,
    object_options: ObjectOptions | None = None,
    proof: Proof | None = None,
    size_bytes: int | None = None,
    write_probe: bool = False,
    observe: Callable[[Check], None] = nobody,
    stop: Stop | None = None,
) -> DoctorReport:
    """Look at everything that an upload needs.

    Args:
        to: As for `push`.
        connection: How the store is reached.
        object_options: What objects are made with; they may need rights of their own.
        proof: Which checksum; None for CRC64NVME, or Content-MD5 where the store refuses it.
        size_bytes: Of the file that is to be sent.
        write_probe: Also put, look at and remove one object of 1 KiB below the prefix.
        observe: Told of each check at once.
        stop: Ends the visit early; what was begun is dropped first.

    Raises:
        UploadToolError: Nothing can be asked: a wrong setting.
    """
    began_s, stop = time.monotonic(), stop or Stop()
    place = parse_destination(to)
    examination = Examination(place, connection or Connection(), Visit(observe, stop))
    options = object_options or ObjectOptions()
    error = None
    try:
        examination.look_at_way()
        examination.look_at_store(size_bytes, options)
        examination.try_uploads(proof, options, size_bytes, write_probe=write_probe)
    except Cancelled:
        error = stop.error
    finally:
        examination.close()
    checks = tuple(examination.visit.checks)
    missing = examination.policy_for(missing_actions(checks), options)
    return DoctorReport(checks, time.monotonic() - began_s, missing, error or first_error(checks))


class Examination:
    """One destination, and what is known of it so far."""

    def __init__(self, place: Destination, connection: Connection, visit: Visit) -> None:
        self._place = place
        self._unsigned = UnsignedClients(connection, stall_s=_STALL_S, connections=1, version=__version__)
        self._clients = SignedClients(connection, stall_s=_STALL_S, connections=2, version=__version__)
        self._way = self._found_way()
        self._signer: Signer | CredentialsError = CredentialsError("not asked yet")
        self._contact: Contact | StoreFault | None = None
        self._head: str | StoreFault | None = None
        self._encryption: Encryption | StoreFault = StoreFault(Kind.REFUSED)
        self.visit = visit

    def close(self) -> None:
        """Close the connections."""
        self._unsigned.close()
        self._clients.close()

    def policy_for(self, actions: tuple[str, ...], options: ObjectOptions) -> Policy | None:
        """A policy with these rights; None for none."""
        if not actions:
            return None
        known = self._encryption.key if isinstance(self._encryption, Encryption) else None
        partition = partition_of(self._clients.region_found or self._clients.signed_region)
        return policy(self._place.bucket, self._folder, actions, options.kms_key_id or known, partition=partition)

    def _found_way(self) -> Way:
        try:
            return self._unsigned.way(self._place.bucket)
        except StoreFault as fault:
            raise explain(fault, f"requests about the bucket {escape(self._place.bucket)} cannot be made") from fault

    @property
    def _folder(self) -> str:
        """The prefix; of a single key what stands before its name."""
        key = self._place.key
        return key[: key.rfind("/") + 1]

    # ------------------------------------------------------------------------------------------------------- the way
    def look_at_way(self) -> None:
        """Name, proxy, connection."""
        way = self._way
        self.visit.check(
            "dns", lambda: judging.judge_dns(way, resolve(way.host, way.port), is_address=is_address(way.host))
        )
        self.visit.check("proxy", lambda: judging.judge_proxy(way), needs_nothing=True)
        self.visit.check("connection", lambda: judging.judge_connection(way, connect(way), time.time()))

    # ----------------------------------------------------------------------------------------------------- the store
    def look_at_store(self, size_bytes: int | None, options: ObjectOptions) -> None:
        """Clock, credentials, region, bucket and what the bucket is like."""
        probe = self._probe("crc64nvme", options)
        self.visit.check("clock", lambda: self._clock(probe))
        self.visit.check("credentials", lambda: self._credentials(size_bytes))
        self.visit.check("region", lambda: self._region(probe))
        self.visit.check("bucket", lambda: judging.judge_bucket(self._answer, self._place.bucket, self._head))
        self.visit.check("versioning", lambda: judging.judge_versioning(self.visit.heard(probe.versioning)))
        self.visit.check("encryption", lambda: self._encrypted(probe))

    def _probe(self, proof: Proof, options: ObjectOptions) -> Probe:
        return Probe(self._clients, self._place.bucket, proof=proof, options=options)

    def _clock(self, probe: Probe) -> Check:
        """The first request; what it says of the credentials is told next."""
        try:
            self._signer = self._clients.signer
        except CredentialsError as error:
            self._signer = error
        else:
            self._contact = self.visit.heard(lambda: probe.contact(self._place.key))
        return judging.judge_clock(self._contact)

    def _credentials(self, size_bytes: int | None) -> Check:
        contact = self._contact if isinstance(self._contact, Contact) else None
        return judging.judge_credentials(self._signer, contact, now=dt.datetime.now(dt.UTC), size_bytes=size_bytes)

    def _region(self, probe: Probe) -> Check:
        self._head = self.visit.heard(probe.bucket_region)
        clients = self._clients
        return judging.judge_region(self._answer, clients.region_found, clients.signed_region, self._head)

    def _encrypted(self, probe: Probe) -> Check:
        self._encryption = self.visit.heard(probe.encryption)
        return judging.judge_encryption(self._encryption)

    @property
    def _answer(self) -> Contact:
        if not isinstance(self._contact, Contact):
            raise TypeError(self._contact)  # the checks of the clock and the credentials stand before
        return self._contact

    # ------------------------------------------------------------------------------------------------------- uploads
    def try_uploads(
        self, proof: Proof | None, options: ObjectOptions, size_bytes: int | None, *, write_probe: bool
    ) -> None:
        """Everything that needs a key."""
        subject = self._subject(proof, options, size_bytes)
        upload = UploadTrial(self.visit, subject)
        upload.run()
        self.visit.check("head_object", lambda: self._looked(subject))
        self.visit.check("list_uploads", lambda: judge_uploads_listing(self._answer.fault))
        self.visit.check("kms", upload.judge_kms)
        if write_probe:
            ObjectTrial(self.visit, subject, upload.proof).run()

    def _subject(self, proof: Proof | None, options: ObjectOptions, size_bytes: int | None) -> Subject:
        key = f"{self._folder}.tiktok-upload-probe-{os.urandom(8).hex()}"
        return Subject(
            probe=self._probe(proof or "crc64nvme", options),
            lax=self._probe("md5", options) if proof is None else None,
            key=key,
            where=escape(self._place.uri_of(key)),
            proof=proof or "crc64nvme",
            options=options,
            encryption=self._encryption,
            size_bytes=size_bytes,
        )

    def _looked(self, subject: Subject) -> Check:
        may_list = not isinstance(self._head, StoreFault)
        return judge_head(self.visit.heard(lambda: subject.probe.head(subject.key)), may_list=may_list)
