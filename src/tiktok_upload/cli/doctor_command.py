"""`doctor`: every right and setting, proved before a large upload."""

import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from json import dumps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from tiktok_upload.cli import config_options as co
from tiktok_upload.cli import options as o
from tiktok_upload.cli.output import JsonLines, now, print_lines, say, say_error
from tiktok_upload.cli.telling import connection_of
from tiktok_upload.errors import UsageError
from tiktok_upload.events import summarize
from tiktok_upload.machine import SCHEMA, clean_json, result_json
from tiktok_upload.text import escape
from tiktok_upload.units import parse_size

if TYPE_CHECKING:
    from tiktok_upload.doctor.report import Check, DoctorReport
    from tiktok_upload.stop import Stop

_WIDTH = 80  # so that it can be pasted into a ticket
_INDENT = 24  # status and name, padded

WriteProbe = Annotated[
    bool,
    typer.Option(
        "--write-probe",
        envvar=o.environment_variable("--write-probe"),
        show_envvar=False,
        help="Also put, look at and remove one object of 1 KiB below the prefix.",
    ),
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        metavar="SIZE",
        envvar=o.environment_variable("--size"),
        show_envvar=False,
        parser=o.read_with(parse_size),
        help="Of the file to be sent: tells the rate that the time for it asks for.",
    ),
]


def doctor(
    *,
    target: co.Target = None,
    config: co.Config = None,
    to: o.To = None,
    size: Size = None,
    write_probe: WriteProbe = False,
    checksum: o.Checksum = "auto",
    sse: o.Sse = None,
    kms_key_id: o.KmsKeyId = None,
    storage_class: o.StorageClass = None,
    metadata: o.Metadata = None,
    tag: o.Tag = None,
    acl: o.Acl = None,
    expected_bucket_owner: o.ExpectedBucketOwner = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    addressing: o.Addressing = "auto",
    ca_bundle: o.CaBundle = None,
    accelerate: o.Accelerate = False,
    dualstack: o.Dualstack = False,
    fips: o.Fips = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Prove every right and setting with a tiny upload that is dropped again, before a large one."""
    given = SimpleNamespace(**locals())
    if to is None:
        raise UsageError(
            "there is no destination",
            hint="add --to s3://bucket/prefix/, or set a default target: tiktok-upload config init",
        )
    return _told(given)


def _told(given: SimpleNamespace) -> int:
    from tiktok_upload.portable import stop_signals  # noqa: PLC0415 - slow to import
    from tiktok_upload.stop import Stop  # noqa: PLC0415

    stop = Stop()
    teller = _Machine() if given.json else _People(quiet=given.quiet)

    def on_signal(code: int) -> None:
        if stop.is_set():
            os._exit(code)
        say("stopping: what was begun is dropped first; once more leaves at once, and may leave an upload open")
        stop.interrupt(code)

    with stop_signals(on_signal):
        report = _visit(given, teller.check, stop)
    teller.end(report)
    if report.error is not None:
        say_error(report.error, verbose=False)
    return report.exit_code


def _visit(given: SimpleNamespace, observe: "Callable[[Check], None]", stop: "Stop") -> "DoctorReport":
    from tiktok_upload.doctor import doctor as visit  # noqa: PLC0415 - slow to import
    from tiktok_upload.settings import ObjectOptions  # noqa: PLC0415

    return visit(
        given.to,
        connection=connection_of(given),
        object_options=ObjectOptions(
            sse=o.one_of("--sse", given.sse, o.ENCRYPTIONS),
            kms_key_id=given.kms_key_id,
            storage_class=given.storage_class,
            acl=o.one_of("--acl", given.acl, o.ACLS),
            expected_bucket_owner=given.expected_bucket_owner,
            metadata=tuple(given.metadata or ()),
            tags=tuple(given.tag or ()),
        ),
        proof=None if given.checksum == "auto" else o.read_proof(given.checksum),
        size_bytes=given.size,
        write_probe=given.write_probe,
        observe=observe,
        stop=stop,
    )


class _Machine:
    """JSON Lines on stdout."""

    def __init__(self) -> None:
        self._lines = JsonLines(sys.stdout)

    def check(self, check: "Check") -> None:
        self._lines.write(clean_json({"schema": SCHEMA, "event": "check", "at": now(), **check.to_json()}))

    def end(self, report: "DoctorReport") -> None:
        plain = result_json(summarize([], seconds=report.seconds, counts={}, run_error=report.error), now())
        self._lines.write({**plain, "checks": report.counts, "policy": clean_json(report.policy)})


class _People:
    """Lines on stdout; checks that were skipped for one reason share theirs."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._waiting: list[Check] = []

    def check(self, check: "Check") -> None:
        if self._waiting and not (check.status == "skipped" and check.message == self._waiting[0].message):
            self._say_waiting()
        if check.status == "skipped":
            self._waiting.append(check)
        else:
            self._print(check_lines(check))

    def end(self, report: "DoctorReport") -> None:
        self._say_waiting()
        self._print(end_lines(report))

    def _say_waiting(self) -> None:
        self._print(skipped_lines(self._waiting))
        self._waiting = []

    def _print(self, lines: "Iterator[str]") -> None:
        if not self._quiet:
            print_lines(lines)


def skipped_lines(checks: "list[Check]") -> Iterator[str]:
    """One line for all that were skipped for the same reason."""
    if len(checks) == 1:
        yield from check_lines(checks[0])
    elif checks:
        names = ", ".join(check.name.replace("_", " ") for check in checks)
        yield from _wrapped(f"skipped  {f'{len(checks)} checks':<15}", f"{escape(checks[0].message)} ({names})")


def check_lines(check: "Check") -> Iterator[str]:
    """One check for people: status, name, message; what to do on lines of its own."""
    name = check.name.replace("_", " ")
    yield from _wrapped(f"{check.status:<8} {name:<15}", escape(check.message))
    if check.hint:
        yield from _wrapped(" " * _INDENT, f"hint: {escape(check.hint)}")


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def end_lines(report: "DoctorReport") -> Iterator[str]:
    """What it adds up to, and a policy to copy where rights are missing."""
    if report.policy is not None:
        yield ""
        yield "The rights that are missing, as a policy for the bucket's administrator:"
        yield from dumps(report.policy, indent=2).splitlines()
    yield ""
    yield ", ".join(f"{count} {_counted(status, count)}" for status, count in report.counts.items())


def _counted(status: str, count: int) -> str:
    return "warnings" if status == "warning" and count > 1 else status
