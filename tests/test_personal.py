"""What a column's name says of persons, and what is said of what was counted in it."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.contract import Field, HashForm
from tiktok_upload.facts import Finding
from tiktok_upload.personal import (
    Depth,
    hash_form_by_name,
    judge,
    may_be_hashed,
    personal_word,
    telling,
    wanted,
)
from tiktok_upload.tally import MOST_PLACES, Place, Tally

FAULTS = (
    "hash-empty",
    "hash-of-nothing",
    "hash-upper-case",
    "hash-md5",
    "hash-sha256",
    "hash-padded",
    "hash-base64",
    "hash-email",
    "hash-phone",
    "hash-bytes",
    "hash-other",
)
RAW = ("email", "phone", "phone-digits", "ip", "ip-low", "card")


# ------------------------------------------------------------------------------------------------------------ names
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("email", "e-mail address"),
        ("userEmail", "e-mail address"),
        ("useremail", "e-mail address"),
        ("e_mail", "e-mail address"),
        ("EMAIL_ADDRESS", "e-mail address"),
        ("user.email", "e-mail address"),
        ("emails[]", "e-mail address"),
        ("contact.mails[].value", "e-mail address"),
        ("phone", "phone number"),
        ("phoneNumber", "phone number"),
        ("phonenumber", "phone number"),
        ("mobile_no", "phone number"),
        ("tel", "phone number"),
        ("phones[].number", "phone number"),
        ("ip", "IP address"),
        ("IPAddress", "IP address"),
        ("client_ip", "IP address"),
        ("ipv4", "IP address"),
        ("IPv6", "IP address"),
        ("remote_addr", "IP address"),
        ("cc", "payment card number"),
        ("credit_card_number", "payment card number"),
        ("cardnumber", "payment card number"),
        ("full_name", "name of a person"),
        ("firstName", "name of a person"),
        ("surname", "name of a person"),
        ("birthdate", "date of birth"),
        ("birth_date", "date of birth"),
        ("birthDate", "date of birth"),
        ("email2", "e-mail address"),
        ("phone1", "phone number"),
        ("date_of_birth", "date of birth"),
        ("dob", "date of birth"),
        ("birthYear", "date of birth"),
        ("address", "postal address"),
        ("address_line1", "postal address"),
        ("billing_address", "postal address"),
        ("street", "postal address"),
        ("ssn", "identity or account number"),
        ("passport_no", "identity or account number"),
        ("national_id", "identity or account number"),
        ("iban", "identity or account number"),
    ],
)
def test_a_name_that_says_personal_data_has_a_word(name: str, word: str) -> None:
    assert personal_word(name) == word


@pytest.mark.parametrize(
    "name",
    [
        "",
        "id",
        "price",
        "value",
        "event_time",
        "event_name",
        "product_name",
        "file_name",
        "name",
        "company",
        "zip",
        "ship_date",
        "shipping",
        "telemetry",
        "mobility",
        "iphone",
        "headphones",
        "cardinality",
        "discarded",
        "scorecard",
        "email_count",
        "email_domain",
        "is_email_valid",
        "phone_verified_at",
        "phone_model",
        "phone_id",
        "card_type",
        "mac_address",
        "wallet_address",
        "mailbox_size",
        "address_count",
        "description",
        "ipsum",
        "tip",
        "clip",
        "user_id",
        "emails.count",
        "email_sha256",
        "hashed_phone",
        "sha256_address",
        "größe",
    ],
)
def test_a_name_that_says_none_has_no_word(name: str) -> None:
    assert personal_word(name) is None


def test_a_name_may_say_several_things() -> None:
    assert telling("email_or_phone") == {"email", "phone"}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("email_sha256", "sha256"),
        ("sha256_email_address", "sha256"),
        ("emailSHA256", "sha256"),
        ("SHA256Email", "sha256"),
        ("emailsha256", "sha256"),
        ("em_sha256", "sha256"),
        ("hashed_phone", "sha256"),
        ("phone_hash", "sha256"),
        ("hashedEmail", "sha256"),
        ("user.email_hash", "sha256"),
        ("emails_hashed[]", "sha256"),
        ("external_id_hash", "sha256"),
        ("gaid_sha256", "sha256"),
        ("idfa_md5", "md5"),
        ("email_md5", "md5"),
        ("email", None),
        ("content_hash", None),
        ("git_hash", None),
        ("hashtag", None),
        ("email_hashtags", None),
        ("file_sha256", None),
        ("checksum_md5", None),
        ("email_sha1", None),
        ("is_email_hashed", None),
        ("email_hash_algorithm", None),
        ("sha256", None),
    ],
)
def test_a_name_promises_a_form_of_hash(name: str, form: HashForm | None) -> None:
    assert hash_form_by_name(name) == form


@pytest.mark.parametrize("name", ["email", "phone", "external_id", "externalId", "idfa", "gaid", "maid", "phones[]"])
def test_columns_whose_values_may_be_hashes(name: str) -> None:
    assert may_be_hashed(name)


@pytest.mark.parametrize("name", ["event_id", "comment", "external_link", "maiden", "phone_model"])
def test_columns_whose_values_are_none_by_their_names(name: str) -> None:
    assert not may_be_hashed(name)


def test_bare_digits_are_counted_only_where_the_name_says_phone() -> None:
    assert "phone-digits" in wanted("phone")
    assert "phone-digits" not in wanted("order_id")
    assert wanted("order_id", numeric=True) == frozenset()
    assert wanted("mobile", numeric=True) == {"phone-digits"}
    assert wanted("card_number", numeric=True) == {"card"}


def test_where_a_name_says_version_no_addresses_are_counted() -> None:
    assert wanted("user_agent") == wanted("app_version") == {"email", "phone", "card"}
    assert "ip" in wanted("os_ip")


# --------------------------------------------------------------------------------------------------------- decisions
def judged(*tallies: Tally, field: Field | None = None, depth: Depth = "full") -> list[Finding]:
    return judge(tallies, fields={field.name: field} if field else {}, depth=depth)


def rules(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    return [(finding.rule, finding.count) for finding in findings]


def some(column: str, rule: str, hits: int, seen: int = 100) -> Tally:
    return Tally(column, rule, seen, hits)


def test_a_raw_address_is_told_with_its_place_and_what_to_do() -> None:
    (finding,) = judged(Tally("email", "email", 9_000, 1, (Place(4, 4_321, 15),)))
    assert finding == Finding(
        rule="raw-email",
        severity="error",
        message='column "email": raw e-mail address, 15 characters, row group 4, row 4,321; hash it (SHA-256, '
        "lower-case hex, of the trimmed lower-cased address) or leave it out",
        column="email",
        row_group=4,
        row=4_321,
        length=15,
    )


def test_three_places_and_the_number_of_the_others() -> None:
    places = tuple(Place(0, row, 20 + row) for row in range(3))
    findings = judged(Tally("note", "email", 5_000, 1_234, places))
    assert [finding.row for finding in findings] == [0, 1, 2, None]
    assert findings[-1].count == 1_231
    assert findings[-1].message.startswith('column "note": and 1,231 more raw e-mail addresses; ')


def test_a_sample_says_that_it_is_one() -> None:
    (finding,) = judged(some("note", "email", 7), depth="quick")
    assert finding.message.startswith('column "note": 7 raw e-mail addresses, in a sample of the rows; ')


def test_what_stands_in_statistics_has_no_row() -> None:
    (finding,) = judged(Tally("a", "ip", 2, 1, (Place(3, None, 1),)))
    assert finding.message.startswith('column "a": raw IP address, 1 character, row group 3; ')
    assert (finding.row_group, finding.row) == (3, None)


def test_what_stands_outside_the_rows_has_no_column() -> None:
    (finding,) = judged(Tally("", "email", 1, 1, (Place(-1),)))
    assert finding.message.startswith("outside the rows: raw e-mail address; ")
    assert (finding.column, finding.row_group, finding.row) == (None, None, None)


def test_a_column_name_cannot_fool_a_terminal() -> None:
    (finding,) = judged(some("\x1b[2Jemail", "email", 1))
    assert "\x1b" not in finding.message


def test_where_nothing_was_hit_nothing_is_found() -> None:
    columns = ("note", "email", "email_sha256")
    assert judged(*(some(column, kind, 0) for column in columns for kind in (*RAW, *FAULTS))) == []


def test_addresses_and_numbers_in_a_full_form_are_always_errors() -> None:
    findings = judged(some("note", "email", 1), some("note", "phone", 2), some("note", "ip", 3))
    assert rules(findings) == [("raw-email", 1), ("raw-phone", 2), ("raw-ip", 3)]


@pytest.mark.parametrize(
    ("column", "kind", "hits", "is_wrong"),
    [
        ("order_id", "card", 10, False),
        ("order_id", "card", 50, True),
        ("cc", "card", 1, True),
        ("build", "ip-low", 49, False),
        ("note", "ip-low", 49, False),
        ("note", "ip-low", 50, True),
        ("app_version", "ip-low", 100, False),
        ("app_version", "ip", 100, False),
        ("client_ip", "ip-low", 1, True),
        ("order_id", "phone-digits", 100, False),
        ("phone", "phone-digits", 49, False),
        ("phone", "phone-digits", 50, True),
    ],
)
def test_what_may_be_a_number_of_another_kind_needs_a_name_or_half(
    column: str, kind: str, hits: int, *, is_wrong: bool
) -> None:
    assert sum(finding.count for finding in judged(some(column, kind, hits))) == (hits if is_wrong else 0)


def test_high_and_low_addresses_together_make_the_half_and_one_finding() -> None:
    findings = judged(
        Tally("source", "ip", 100, 30, (Place(0, 5, 11),)), Tally("source", "ip-low", 100, 20, (Place(0, 2, 7),))
    )
    assert rules(findings) == [("raw-ip", 1), ("raw-ip", 1), ("raw-ip", 48)]
    assert [finding.row for finding in findings] == [2, 5, None]


def test_the_contract_may_allow_addresses() -> None:
    assert judged(some("ip", "ip", 9), some("ip", "ip-low", 9), field=Field("ip", raw=True)) == []
    assert rules(judged(some("ip", "ip", 9), field=Field("ip"))) == [("raw-ip", 9)]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_hashes_count_where_the_contract_wants_hashes(fault: str) -> None:
    form: HashForm = "md5" if fault == "hash-sha256" else "sha256"
    rule = {"hash-of-nothing": fault, "hash-email": "raw-email", "hash-phone": "raw-phone"}.get(fault, "hash-form")
    findings = judged(Tally("id", fault, 100, 2, (Place(0, 7, 40),)), field=Field("id", hashed=form))
    assert rules(findings) == [(rule, 1), (rule, 1)]
    assert all(finding.severity == "error" for finding in findings)


def test_each_fault_is_told_in_words_of_its_own() -> None:
    messages = {judged(some("email_sha256", fault, 1))[0].message for fault in FAULTS}
    assert len(messages) == len(FAULTS)


def test_the_advice_names_the_form_that_is_wanted() -> None:
    (finding,) = judged(some("idfa_md5", "hash-email", 1))
    assert "hash it (MD5, lower-case hex" in finding.message


def test_raw_digests_are_measured_in_bytes() -> None:
    (finding,) = judged(Tally("email_sha256", "hash-bytes", 1, 1, (Place(0, 0, 32),)))
    assert ", 32 bytes, " in finding.message


@pytest.mark.parametrize("like", [50, 100])
def test_a_column_of_mostly_hashes_is_one_of_hashes(like: int) -> None:
    findings = judged(some("email", "hash-like", like), some("email", "hash-other", 3), some("email", "email", 0))
    assert rules(findings) == [("hash-form", 3)]


def test_a_column_of_few_hashes_is_none() -> None:
    findings = judged(some("email", "hash-like", 49), some("email", "hash-email", 51), some("email", "email", 51))
    assert rules(findings) == [("raw-email", 51)]


def test_a_column_of_another_name_may_hold_what_it_likes() -> None:
    assert judged(some("token", "hash-like", 99), some("token", "hash-other", 1)) == []


def test_the_contract_beats_the_name() -> None:
    field = Field("email_sha256", hashed=None)
    assert judged(some("email_sha256", "hash-other", 9), field=field) == []
    assert rules(judged(some("email_sha256", "email", 9), field=field)) == [("raw-email", 9)]


def test_an_address_among_hashes_counts_once() -> None:
    assert rules(judged(some("email_sha256", "hash-email", 4), some("email_sha256", "email", 4))) == [("raw-email", 4)]


def test_an_address_that_only_statistics_showed_among_hashes_counts() -> None:
    assert rules(judged(some("email_sha256", "hash-other", 0), some("email_sha256", "email", 1))) == [("raw-email", 1)]


@given(
    st.sampled_from(["email", "email_sha256", "note", "cc", "phone"]),
    st.sampled_from([*RAW, *FAULTS]),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.lists(st.builds(Place, st.integers(-1, 9), st.none() | st.integers(0, 9), st.none() | st.integers(0, 99))),
)
def test_the_counts_add_up_to_the_hits_or_to_nothing(
    column: str, kind: str, hits: int, others: int, places: list[Place]
) -> None:
    findings = judged(Tally(column, kind, hits + others, hits, tuple(places[:MOST_PLACES])))
    assert sum(finding.count for finding in findings) in {0, hits}
    assert len(findings) <= MOST_PLACES + 1
    assert all(re.fullmatch(r"column .*; .*", finding.message) for finding in findings)
