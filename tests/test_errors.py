"""The tree of errors: every class has the exit code that the interface gives it, a name and a next step."""

import copy
import pickle
import re
from collections.abc import Iterator

import pytest

from tiktok_upload import errors
from tiktok_upload.errors import InterruptedUploadError, TransferError, UploadToolError

# Exit code, name for machines, whether running again continues.
TREE = {
    errors.UploadToolError: (1, "unexpected", False),
    errors.UsageError: (2, "usage", False),
    errors.DataError: (3, "data", False),
    errors.SourceError: (4, "source", False),
    errors.SourceChangedError: (4, "source_changed", True),
    errors.CredentialsError: (5, "credentials", True),
    errors.StoreRefusedError: (6, "refused", True),
    errors.TransferError: (7, "transfer", True),
    errors.DeadlineError: (7, "deadline", True),
    errors.WrongObjectError: (8, "wrong_object", False),
    errors.JournalError: (9, "journal", True),
    errors.OutcomeUnknownError: (10, "outcome_unknown", False),
    errors.ConflictError: (11, "conflict", True),
    errors.InterruptedUploadError: (130, "interrupted", True),
}
EVERY_KIND = pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)


def family(kind: type[UploadToolError]) -> Iterator[type[UploadToolError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from family(child)


def test_every_class_of_the_tree_is_in_this_table() -> None:
    assert TREE.keys() == set(family(UploadToolError))


@pytest.mark.parametrize(("kind", "claims"), TREE.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_each_class_has_its_exit_code_and_name(kind: type[UploadToolError], claims: tuple[int, str, bool]) -> None:
    error = kind("what happened")
    assert claims == (error.exit_code, error.name, error.resumable)


@EVERY_KIND
def test_each_error_says_what_happened_and_what_to_do(kind: type[UploadToolError]) -> None:
    error = kind("what happened")
    assert (str(error), error.message, error.kept) == ("what happened", "what happened", "")
    assert error.hint == kind.default_hint
    assert re.fullmatch(r"[a-z].*[^.]", error.hint)


@EVERY_KIND
def test_what_is_said_at_the_place_outranks_what_the_class_says(kind: type[UploadToolError]) -> None:
    error = kind("what happened", hint="do this", kept="36 parts")
    assert (error.hint, error.kept) == ("do this", "36 parts")


def test_a_name_that_is_more_exact_than_the_classs_does_not_change_the_exit_code() -> None:
    error = TransferError("x", code="throttled")
    assert (error.name, TransferError("y").name, error.exit_code) == ("throttled", "transfer", 7)


def test_names_tell_the_classes_apart() -> None:
    assert len(TREE) == len({kind("x").name for kind in TREE})


@pytest.mark.parametrize("exit_code", [130, 143])
def test_an_interruption_bears_the_exit_code_of_its_signal(exit_code: int) -> None:
    assert exit_code == InterruptedUploadError("stopped", exit_code=exit_code).exit_code
    assert InterruptedUploadError("stopped").exit_code == 130


def test_a_deadline_is_a_transfer_that_failed_and_a_changed_file_one_that_cannot_be_read() -> None:
    assert issubclass(errors.DeadlineError, errors.TransferError)
    assert issubclass(errors.SourceChangedError, errors.SourceError)


@EVERY_KIND
def test_an_error_keeps_all_it_says_when_it_is_copied_or_crosses_to_another_process(
    kind: type[UploadToolError],
) -> None:
    error = kind("what happened", hint="do this", kept="36 parts")
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(error), error.args, vars(error)) == (type(again), again.args, vars(again))


def test_the_tree_that_the_module_draws_is_the_real_one() -> None:
    drawn = re.findall(r"^[ │├└─]*(\w+Error) +([0-9]+)", errors.__doc__ or "", re.MULTILINE)
    assert {kind.__name__: str(claims[0]) for kind, claims in TREE.items()} == dict(drawn)
