"""What must hold, whatever went wrong: judged by the store's own files and log, never by the tool's word."""

from collections.abc import Iterable, Iterator, Sequence

from tests.support.command import SECRET
from tests.torture.cells import OPERATIONS, Arguments
from tests.torture.codes import allowed_codes
from tests.torture.evidence import (
    DELIVERED,
    EXIT_CODE,
    FALSE_CONFLICT,
    FALSE_OK,
    LEFT_OPEN,
    LOST,
    OUTPUT,
    OVERDUE,
    OVERWRITTEN,
    RECEIPT,
    WRONG_OBJECT,
    Episode,
    Finding,
    Process,
    Request,
    Told,
)
from tests.torture.plan import Case
from tests.torture.sending import sent_twice
from tests.torture.shelf import Content
from tests.torture.store import UploadThere

# INTERFACE says two seconds; a machine that is busy with other runs gets more.
_STOPS_WITHIN_S = 8.0


def judge(case: Case, episodes: Sequence[Episode]) -> list[Finding]:
    """What is wrong after the last of these episodes, as far as it can be told before the run is over."""
    last = episodes[-1]
    return [
        *wrong_objects(episodes),
        *overwritten(case, episodes),
        *(finding for process in last.processes for finding in _of_process(process, episodes)),
        *wrong_receipts(last),
    ]


def judge_end(case: Case, episodes: Sequence[Episode]) -> list[Finding]:
    """What is wrong when the run is over: its last attempts were calm."""
    return [*lost_uploads(case, episodes), *left_open(episodes), *sent_twice(case, episodes)]


def _of_process(process: Process, episodes: Sequence[Episode]) -> Iterator[Finding]:
    if _was_stopped_before_it_began(process):
        return
    yield from bad_output(process)
    if process.overdue or (process.stopped_after_s or 0.0) > _STOPS_WITHIN_S:
        yield Finding(OVERDUE, f"{process.command} did not end, signals: {process.signals}")
    elif process.code not in (allowed := allowed_codes(process, episodes)):
        yield Finding(EXIT_CODE, f"{process.command} ended with {process.code}, not one of {sorted(allowed)}")
    yield from false_oks(process, episodes)
    yield from false_conflicts(process, episodes)


# ------------------------------------------------------------------------------------------------------------- objects
def wrong_objects(episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Objects that are neither a whole version of their file nor somebody else's."""
    known = {key: {content.digest for content in contents} for key, contents in _contents(episodes).items()}
    for key, found in episodes[-1].holding.objects.items():
        if found.digest not in known.get(key, set()) | _foreign(episodes, key):
            yield Finding(WRONG_OBJECT, f"{key} is no version of its file, and nobody else's: {found}")


def overwritten(case: Case, episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Objects that were there and are not any more, though nobody was told to replace them."""
    if case.overwrite:
        return
    last = episodes[-1]
    before = episodes[-2].holding.objects if len(episodes) > 1 else {}
    for key, found in before.items():
        if key not in last.foreign and last.holding.objects.get(key) != found:
            yield Finding(OVERWRITTEN, f"{key} was {found} and is {last.holding.objects.get(key)}")
    for key, digests in last.foreign.items():
        if digests and _digest_at(last, key) not in digests and not _may_not_have_come(last, key):
            yield Finding(OVERWRITTEN, f"{key}, which somebody else wrote, is {last.holding.objects.get(key)}")


def _may_not_have_come(episode: Episode, key: str) -> bool:
    """Whether the store was to write another object after a request, which it does not where that one broke off."""
    return any(fault.get("moment") == "after" and fault["key"] == key for fault in episode.hit)


def false_oks(process: Process, episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Files that were called delivered, though the object is not the version that was told."""
    last = episodes[-1]
    for told in process.told():
        if told.status not in DELIVERED:
            continue
        content = _content_told(told, last)
        if content is None:
            yield Finding(FALSE_OK, f"{told} names a checksum that the file never had meanwhile")
        elif _digest_at(last, told.key) != content.digest and not _replaced_meanwhile(told.key, content, episodes):
            yield Finding(FALSE_OK, f"{told}, but the object is {last.holding.objects.get(told.key)}")


def _went_by_md5(episode: Episode) -> bool:
    """Whether the store was asked so that it names no checksum; ETags that are no MD5 then leave nothing to compare."""
    return any("asked with Content-MD5 instead" in process.stderr for process in episode.processes)


def false_conflicts(process: Process, episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Files that are said to have another object at their key, though it is the same."""
    last = episodes[-1]
    if _hides_content(last) or any(map(_went_by_md5, episodes)):
        return
    for told in process.told():
        contents = last.contents.get(told.key, ())
        is_same = len(contents) == 1 and _digest_at(last, told.key) == contents[0].digest
        if told.error == "conflict" and is_same and told.key not in last.foreign:
            yield Finding(FALSE_CONFLICT, f"{told}, but the object is the file")


def _hides_content(episode: Episode) -> bool:
    """Whether a look at the key could not tell what is there; that it said falsely «nothing» is no excuse."""
    head = OPERATIONS["head"]
    lies = [fault for fault in episode.hit if fault["operation"] == head and not _says_absent(fault)]
    attempt = episode.attempt
    return bool(lies) or head in attempt.settings.get("deny", ()) or bool(attempt.clock_shift_s)


def _says_absent(fault: Arguments) -> bool:
    return fault.get("code") == "NoSuchKey" or fault.get("status") == 404


def _content_told(told: Told, episode: Episode) -> Content | None:
    if told.checksum is None:
        return None
    algorithm, value = told.checksum
    contents = episode.contents.get(told.key, ())
    return next((content for content in contents if content.checksums.get(algorithm) == value), None)


def _replaced_meanwhile(key: str, content: Content, episodes: Sequence[Episode]) -> bool:
    """Whether the object was there, and somebody else wrote another in its place while the process lived."""
    last = episodes[-1]
    if key not in last.foreign:
        return False
    before = _digest_at(episodes[-2], key) if len(episodes) > 1 else None
    was_there = content.digest in {before, *last.foreign[key]}
    return was_there or any(_may_have_made(request, key) for request in last.log)


def _may_have_made(request: Request, key: str) -> bool:
    makes_one = request.operation in {"PutObject", "CompleteMultipartUpload"}
    return makes_one and request.key == key and request.may_be_done


# ------------------------------------------------------------------------------------------------------------- the end
def lost_uploads(case: Case, episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Files that are not there in the end, with nobody else's object in their place."""
    last = episodes[-1]
    if last.attempt.command != "push" or not last.is_calm:
        yield Finding(LOST, "the run did not end with a push that nothing disturbed")
        return
    process = last.processes[0]
    said = {told.key: told for told in process.told()}
    for key in last.contents:
        yield from _lost(case, key, said.get(key), episodes)


def _lost(case: Case, key: str, told: Told | None, episodes: Sequence[Episode]) -> Iterator[Finding]:
    last = episodes[-1]
    found, now = last.holding.objects.get(key), last.contents[key][-1].digest
    if found is None:
        yield Finding(LOST, f"there is no object at {key}; told: {told}")
    elif told is None:
        yield Finding(LOST, f"{key} was not told of")
    elif told.status in DELIVERED:
        if found.digest != now:
            yield Finding(LOST, f"{key} is called {told.status}, and is {found}")
    elif told.error != "conflict" or case.overwrite:
        yield Finding(LOST, f"{key} cannot be delivered any more: {told}")


def left_open(episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Uploads that nobody will ever complete or remove: the tool could know of them, and does not list them."""
    last = episodes[-1]
    for upload in last.holding.uploads:
        if not is_orphan(upload, episodes) and not _is_listed(upload, last):
            yield Finding(LEFT_OPEN, f"{upload} is open, and the tool does not list it")


def _is_listed(upload: UploadThere, episode: Episode) -> bool:
    """By its id, or by its key where the file is not delivered: what was given up is removed after that."""
    listed = episode.listed or frozenset()
    return upload.id in listed or upload.key in listed


def is_orphan(upload: UploadThere, episodes: Sequence[Episode]) -> bool:
    """Whether the tool cannot know of this upload.

    It never named it, and an answer to Create was lost to it; or the store said falsely that there is none.
    """
    named = [request for episode in episodes for request in episode.log if request.upload_id == upload.id]
    if not named:
        return any(_lost_a_create(episode, upload.key) for episode in episodes)
    return any(each.operation == "AbortMultipartUpload" and each.status == 404 and each.faults for each in named)


def _lost_a_create(episode: Episode, key: str) -> bool:
    creates = [each for each in episode.log if each.operation == "CreateMultipartUpload" and each.key == key]
    was_cut = any(process.signals or process.code for process in episode.processes)
    restarted = episode.has_done("kill_store")  # its log is gone
    return restarted or any(not request.is_plain_success or was_cut for request in creates)


# --------------------------------------------------------------------------------------------------------- what is said
def bad_output(process: Process) -> Iterator[Finding]:
    """Tracebacks, secrets, escape codes, and machine output that is not what INTERFACE promises."""
    for text in (process.stdout, process.stderr):
        for sign in ("Traceback", SECRET, "Signature=", "X-Amz-Signature", "\x1b"):
            if sign in text:
                yield Finding(OUTPUT, f"{process.command} tells {sign!r}")
    try:
        yield from _bad_lines(process)
    except (ValueError, KeyError, TypeError) as exc:
        yield Finding(OUTPUT, f"{process.command} tells lines that cannot be read: {exc!r}")


def _was_stopped_before_it_began(process: Process) -> bool:
    """Whether a signal came while the interpreter loaded its own modules; nobody can catch that."""
    is_python_s = process.stderr.endswith("KeyboardInterrupt\n") and "/tiktok_upload/" not in process.stderr
    return is_python_s and bool(process.signals)


def _bad_lines(process: Process) -> Iterator[Finding]:
    names = [event["event"] for event in process.events()]
    if process.code < 0:
        return
    result = process.result()
    if result is None or names.count("result") != 1 or not process.stdout.endswith("\n"):
        yield Finding(OUTPUT, f"{process.command} ended with {process.code} and without the result as its last line")
    elif result["exit_code"] != process.code:
        yield Finding(OUTPUT, f"{process.command} ended with {process.code} and told {result['exit_code']}")
    if process.code > 0 and ("error: " not in process.stderr or "  hint: " not in process.stderr):
        yield Finding(OUTPUT, f"{process.command} ended with {process.code} and told no error with a hint")


def wrong_receipts(episode: Episode) -> Iterator[Finding]:
    """Receipts that are missing, or do not say what lies there."""
    for process in episode.processes:
        result = process.result()
        if result is None or process.code < 0:
            continue
        for told in process.told():
            if told.status in DELIVERED and told.key not in episode.foreign:
                yield from _wrong_receipt(told, process.machine, episode)


def _wrong_receipt(told: Told, machine: int, episode: Episode) -> Iterator[Finding]:
    receipt = episode.receipts.get((machine, told.key))
    found = episode.holding.objects.get(told.key)
    if receipt is None or found is None:
        yield Finding(RECEIPT, f"{told.key} has no receipt")
        return
    checksum = receipt["file"]["checksum"]
    says = (checksum["algorithm"], checksum["value"]), receipt["source"]["size_bytes"]
    if says != (told.checksum, found.size):
        yield Finding(RECEIPT, f"{told.key}: the receipt says {says}, told was {told.checksum}, there is {found}")
    if episode.attempt.twin:
        return  # the other process may have written the receipt once more, or, with --overwrite, made the object again
    lies = any(fault["fault"] in {"wrong_etag", "foreign_object"} for fault in episode.hit)
    if receipt["head_etag"] != found.etag and not lies:
        yield Finding(RECEIPT, f"{told.key}: the receipt's ETag is {receipt['head_etag']}, there is {found}")
    # Of one without metadata an ETag tells that the content is the recorded one, not who made it.
    if (receipt["nonce"] or "") != found.nonce and (found.nonce or told.status == "uploaded"):
        yield Finding(RECEIPT, f"{told.key}: the receipt's nonce is not the object's")


# ------------------------------------------------------------------------------------------------------------- helping
def _contents(episodes: Iterable[Episode]) -> dict[str, list[Content]]:
    found: dict[str, list[Content]] = {}
    for episode in episodes:
        for key, contents in episode.contents.items():
            found.setdefault(key, []).extend(contents)
    return found


def _foreign(episodes: Iterable[Episode], key: str) -> set[str]:
    return {digest for episode in episodes for digest in episode.foreign.get(key, ())}


def _digest_at(episode: Episode, key: str) -> str | None:
    found = episode.holding.objects.get(key)
    return found.digest if found else None
