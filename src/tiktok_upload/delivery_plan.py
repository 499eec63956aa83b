"""The plan of one file's upload: made of the options and the file, and made anew where store or line ask for it."""

from dataclasses import replace
from pathlib import Path

from tiktok_upload.checksum import Proof
from tiktok_upload.delivery import Delivery
from tiktok_upload.errors import SourceError
from tiktok_upload.events import FilePlanned
from tiktok_upload.facts import Fingerprint
from tiktok_upload.faults import StoreFault
from tiktok_upload.pace import LONGEST_PART_S, Line
from tiktok_upload.plan import PlanError, plan_upload
from tiktok_upload.records import Planned
from tiktok_upload.settings import PushOptions
from tiktok_upload.units import format_duration, format_rate, format_size

_WORTH_IT = 3 / 4  # of the size that parts have: what has gone out of them is sent again


def wanted(delivery: Delivery, fingerprint: Fingerprint, key: str, *, proof: Proof | None = None) -> Planned:
    """What would be planned now.

    Raises:
        SourceError: The file is larger than a store takes.
    """
    frame = delivery.frame
    try:
        plan = plan_upload(fingerprint.size_bytes, preferred_part_size=frame.options.part_size)
    except PlanError as exc:
        raise SourceError(
            f"the file has {format_size(fingerprint.size_bytes)}, more than a store takes as one object",
            hint="split it into several files",
            code="too_large",
        ) from exc
    return Planned(
        path=str(delivery.input.path.absolute()),
        bucket=frame.bucket,
        key=key,
        endpoint=frame.endpoint,
        fingerprint=fingerprint,
        part_size=plan.part_size,
        proof=proof or frame.options.proof,
        nonce=frame.nonce(),
        object_options=frame.options.object_options.to_json(),
        overwrite=frame.options.overwrite,
        checked_at=frame.now(),
        tool=frame.version,
        run=_as_begun(frame.options).to_json(),
    )


def _as_begun(options: PushOptions) -> PushOptions:
    """The options, fit to be used again from another working directory."""
    bundle = options.connection.ca_bundle
    connection = replace(options.connection, ca_bundle=bundle and str(Path(bundle).absolute()))
    return replace(options, connection=connection, like=options.like and str(Path(options.like).absolute()))


def fall_back(delivery: Delivery, fault: StoreFault) -> None:
    """Ask the store with Content-MD5: it refused the CRC's headers."""
    delivery.warn(f"the store refused the request with a CRC ({fault}); it is asked with Content-MD5 instead")
    delivery.refused, nonce = None, delivery.planned.nonce
    anew = wanted(delivery, delivery.planned.fingerprint, delivery.planned.key, proof="md5")
    # Refused or not, the store may have made the object all the same: by its nonce it is known as ours.
    delivery.write(replace(anew, nonce=nonce))


# ------------------------------------------------------------------------------------------------------- a slow line
def fit_line(delivery: Delivery, line: Line) -> None:
    """Where not even one part ends in time: smaller ones, if the size leaves a choice and none is stored yet."""
    rate, wanted_size = line.rate, line.best_part_size()
    is_ending = delivery.error is not None or delivery.smaller_parts is not None or not delivery.in_flight
    if rate is None or wanted_size is None or is_ending:
        return
    plan = delivery.planned.plan
    part_size = min(plan.part_size, plan.object_size)
    smaller = plan_upload(plan.object_size, preferred_part_size=wanted_size).part_size
    is_frozen = plan.is_single or delivery.state.stored or delivery.state.doubted or delivery.frame.options.part_size
    if not is_frozen and smaller <= plan.part_size * _WORTH_IT:
        delivery.smaller_parts, delivery.pending = smaller, []
        delivery.cut()
    elif part_size / rate > LONGEST_PART_S:
        delivery.warn(
            f"the line carries {format_rate(rate)}: a part of {format_size(part_size)} takes some "
            f"{format_duration(part_size / rate)}, and a store takes no request that began over 15 minutes ago"
        )


def plan_smaller_parts(delivery: Delivery, part_size: int) -> None:
    """Nothing is in flight any more; a part that was stored meanwhile has shown that it can be done."""
    delivery.smaller_parts = None
    if not delivery.state.stored:
        planned = delivery.planned
        delivery.warn(
            f"the line is slow: parts of {format_size(part_size)} instead of {format_size(planned.part_size)}"
        )
        delivery.write(replace(planned, part_size=part_size, nonce=delivery.frame.nonce()))
        delivery.events.append(FilePlanned(delivery.path, delivery.uri or "", delivery.planned.plan))
    delivery.pending = delivery.state.missing()
