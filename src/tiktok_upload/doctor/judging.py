"""The doctor's judgement of the way to the store, of the credentials and of the bucket: pure functions."""

import datetime as dt
import ipaddress

from tiktok_upload.contact import Contact, Encryption, Line, Signer, Trouble, Way
from tiktok_upload.doctor.report import Check, failed, ok, skipped, warning
from tiktok_upload.errors import CredentialsError, StoreRefusedError, TransferError, UploadToolError
from tiktok_upload.faults import Kind, StoreFault, explain
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size

_SKEW_WARNED_S, _SKEW_REFUSED_S = 60.0, 900.0  # S3 refuses what was signed more than 15 minutes ago
_SOON_S = 900.0  # credentials; a first part may take as long
_CERTIFICATE_SOON_S = 14 * 86_400.0
_BY_ITSELF = ("env", "shared-credentials-file", "config-file")  # nobody renews these
_SERVER_S_FAULT = 500
_NOT_IMPLEMENTED = 501


# ------------------------------------------------------------------------------------------------------------ the way
def judge_dns(way: Way, found: tuple[str, ...] | Trouble, *, is_address: bool) -> Check:
    """Whether the host's name is known."""
    if is_address:
        return ok("dns", f"{way.host} is an address, there is no name to look up")
    if not isinstance(found, Trouble):
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return ok("dns", f"{way.host} is at {found[0]}{more}")
    if way.proxy is not None:
        return ok("dns", f"{way.host} is not known here; the proxy has to find it")
    return failed(
        "dns",
        TransferError(
            f"the name {way.host} is not known ({escape(found.detail)})",
            hint="check --endpoint-url, --region and this machine's DNS; in a company, whether HTTPS_PROXY must be set",
            code="dns",
        ),
    )


def judge_proxy(way: Way) -> Check:
    """Which proxy carries the requests; never its user or password."""
    if way.proxy is not None:
        return ok("proxy", f"{way.proxy} carries all requests ({way.scheme.upper()}_PROXY)")
    return ok("proxy", f"none for {way.host} (NO_PROXY)" if way.is_bypassed else "none is set")


def judge_connection(way: Way, found: Line | Trouble, now: float) -> Check:
    """Whether there is a connection that nobody can read."""
    if isinstance(found, Trouble):
        return failed("connection", _no_connection(way, found))
    if not found.tls:
        return _judge_plain(way)
    by = f", certificate by {escape(found.issuer)}" if found.issuer else ""
    until = f", good until {_day(found.ends_at)}" if found.ends_at else ""
    text = f"{found.tls.replace('TLSv', 'TLS ')}{by}{until}"
    if found.ends_at and found.ends_at - now < _CERTIFICATE_SOON_S:
        return warning("connection", text, "the certificate ends soon: tell whoever runs the store, or the proxy")
    return ok("connection", text)


def _judge_plain(way: Way) -> Check:
    if is_here(way.host):
        return ok("connection", "plain HTTP, to this machine only")
    return warning(
        "connection", "plain HTTP: whoever is on the way can read what is sent", "use https:// in --endpoint-url"
    )


def is_here(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no_connection(way: Way, trouble: Trouble) -> UploadToolError:
    first = str(way.proxy) if way.proxy is not None else f"{way.host}:{way.port}"
    detail = f" ({escape(trouble.detail)})" if trouble.detail else ""
    message, hint = _TROUBLES[trouble.kind]
    return TransferError(message.format(first=first, host=way.host) + detail, hint=hint, code="connection")


_FIREWALL = "check the port in --endpoint-url, the firewall, and whether a proxy must be set (HTTPS_PROXY)"
_TROUBLES = {
    "name": ("the name of {first} is not known", "check --endpoint-url and the proxy's name"),
    "refused": ("{first} refuses connections", _FIREWALL),
    "timeout": ("{first} does not answer", _FIREWALL),
    "network": ("no connection to {first}", _FIREWALL),
    "proxy": (
        "no connection through the proxy {first}",
        "check HTTPS_PROXY, its user and password, and whether NO_PROXY should name the store",
    ),
    "certificate": (
        "the certificate of {host} is not trusted",
        "if the store or a proxy on the way has a private authority, give its certificate: --ca-bundle FILE.pem",
    ),
    "tls": ("TLS to {host} failed", "check http:// or https:// and the port in --endpoint-url"),
}


# ------------------------------------------------------------------------------------------------ clock, credentials
def judge_clock(contact: Contact | StoreFault | None) -> Check:
    """Whether this machine's clock is the store's.

    Args:
        contact: A fault where no answer came; None where no request could be signed.
    """
    if contact is None:
        return skipped("clock", "not tried: without credentials nothing can be asked")
    if isinstance(contact, StoreFault):
        return failed("clock", explain(contact, "the store gave no answer"))
    skew_s = None if contact.store_time is None else contact.own_time - contact.store_time
    is_refused = contact.fault is not None and contact.fault.kind is Kind.CLOCK
    if skew_s is None and not is_refused:
        return skipped("clock", "the store does not say its time")
    text = _skew_text(skew_s)
    if is_refused or abs(skew_s or 0.0) > _SKEW_REFUSED_S:
        hint = "set this machine's clock; the store allows 15 minutes"
        return failed("clock", CredentialsError(f"this machine's clock is wrong: {text}", hint=hint, code="clock"))
    if abs(skew_s or 0.0) > _SKEW_WARNED_S:
        return warning("clock", text, "set this machine's clock; from 15 minutes on the store refuses everything")
    return ok("clock", text)


def _skew_text(skew_s: float | None) -> str:
    if skew_s is None:
        return "the store refuses what is signed by it"
    if abs(skew_s) < 2:  # noqa: PLR2004 - the store's time comes in whole seconds
        return "the same as the store's"
    return f"{format_duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} the store's"


def judge_credentials(
    signer: Signer | CredentialsError, contact: Contact | None, *, now: dt.datetime, size_bytes: int | None
) -> Check:
    """Whose credentials sign, whether the store takes them, and until when they last."""
    if isinstance(signer, CredentialsError):
        return failed("credentials", signer)
    who = f"{signer.method}, key id …{signer.key_id_end}"
    fault = contact.fault if contact else None
    if fault is not None and fault.kind in (Kind.CREDENTIALS, Kind.EXPIRED):
        return failed("credentials", explain(fault, f"the store does not take these credentials ({who})"))
    if signer.ends_at is None:
        return ok("credentials", f"{who}; {_unknown_end(signer)}")
    left_s = (signer.ends_at - now).total_seconds()
    text = f"{who}; they last {format_duration(max(0.0, left_s))}{_rate_text(size_bytes, left_s)}"
    if left_s < _SOON_S:
        return warning("credentials", text, "log in again before a long upload; an interrupted one can be resumed")
    return ok("credentials", text)


def _unknown_end(signer: Signer) -> str:
    if not signer.is_temporary:
        return "they do not expire"
    return "temporary, their end is not known" if signer.method in _BY_ITSELF else "renewed as needed"


def _rate_text(size_bytes: int | None, left_s: float) -> str:
    if not size_bytes or left_s <= 0:
        return ""
    return f": {format_size(size_bytes)} in that time takes {format_rate(size_bytes / left_s)}"


# ---------------------------------------------------------------------------------------------------------- the bucket
def judge_region(contact: Contact, found: str | None, signed: str, head: str | StoreFault | None) -> Check:
    """Whether requests go to the bucket's region.

    Args:
        contact: The first answer.
        found: The region that was followed, where it was another one.
        signed: The one that is set.
        head: What HeadBucket says of it.
    """
    if contact.fault is not None and contact.fault.kind is Kind.REGION:
        return failed("region", explain(contact.fault, f"the bucket is not in {signed}"))
    named = head.region if isinstance(head, StoreFault) else head
    actual = found or named
    if actual is None:
        return skipped("region", f"the store names none; requests are signed for {signed}")
    if actual == signed:
        return ok("region", f"{signed}, where the bucket is")
    return warning(
        "region", f"the bucket is in {actual}, not in {signed}; it was followed there", f"add --region {actual}"
    )


def judge_bucket(contact: Contact, bucket: str, head: str | StoreFault | None) -> Check:
    """Whether the bucket is there."""
    gone = (Kind.NO_BUCKET, Kind.NOT_FOUND)
    if contact.fault is not None and contact.fault.kind is Kind.NO_BUCKET:
        return failed("bucket", explain(contact.fault, f"there is no bucket {escape(bucket)}"))
    if not isinstance(head, StoreFault):
        return ok("bucket", f"{escape(bucket)} is there")
    if head.kind in gone:
        return failed("bucket", explain(head, f"there is no bucket {escape(bucket)}"))
    if head.kind is Kind.DENIED:
        return warning(
            "bucket",
            f"there is no right to look at {escape(bucket)}; an upload does not need it",
            "with s3:ListBucket a missing object is told from a forbidden one",
            ("s3:ListBucket",),
        )
    return failed("bucket", explain(head, f"the bucket {escape(bucket)} cannot be looked at"))


def judge_versioning(found: str | StoreFault) -> Check:
    """What --overwrite does to an older object."""
    if isinstance(found, StoreFault):
        return not_told("versioning", found, "s3:GetBucketVersioning")
    if found == "Enabled":
        return ok("versioning", "on: an object that is overwritten stays as an older version")
    return ok("versioning", "off: an object that is overwritten is gone")


def judge_encryption(found: Encryption | StoreFault) -> Check:
    """What the bucket does to objects at rest."""
    if isinstance(found, StoreFault):
        return not_told("encryption", found, "s3:GetEncryptionConfiguration")
    if not found.algorithm:
        return ok("encryption", "the bucket has no rule of its own")
    key = f" with the key {escape(found.key)}" if found.key else ""
    return ok("encryption", f"{found.algorithm}{key}")


def not_told(name: str, fault: StoreFault, action: str) -> Check:
    """Nothing that an upload needs could be read: no failure, unless the network is one."""
    if fault.kind is Kind.DENIED:
        return skipped(name, f"no right to read it ({action}); an upload does not need it")
    if fault.status and (fault.status < _SERVER_S_FAULT or fault.status == _NOT_IMPLEMENTED):
        return skipped(name, f"the store does not tell ({fault})")
    return failed(name, explain(fault, "the store gave no answer"))


def refusal(doing: str, fault: StoreFault, actions: tuple[str, ...], reason: str = "") -> UploadToolError:
    """The error of a right that is missing; any other fault as usual."""
    if fault.kind is not Kind.DENIED:
        return explain(fault, doing)
    because = f": {reason}" if reason else ""
    hint = f"ask the bucket's administrator for {' and '.join(actions)}"
    if "explicit deny" in reason:
        hint = f"{hint}; something denies it, so allowing it once more does not help: that must be taken away"
    return StoreRefusedError(f"{doing}: {fault}{because}", hint=hint, code=fault.kind.value)


def _day(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).date().isoformat()
