"""Personal data: what a column's name says of it, and what to do with what was counted in its values. Decisions only.

Never sees a value but where a caller asks about one; `parquet.personal_kernels` does the counting.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from tiktok_upload.contract import ELEMENT, Field, HashForm
from tiktok_upload.facts import Finding
from tiktok_upload.tally import MOST_PLACES, Place, Tally, merged
from tiktok_upload.text import escape

Kind = Literal["email", "phone", "ip", "card", "name", "birth", "address", "identity"]
"""What a name can say."""
Depth = Literal["quick", "full"]

# ----------------------------------------------------------------------------------- numbers that may be a person's
# Whole words of a name.
_WORDS = frozenset(
    {"cc", "ccn", "cell", "cvc", "cvv", "dob", "fax", "ip", "nin", "nino", "pan", "sin", "ssn", "tel", "tin"}
)
# Wherever they stand in a name: `homePhoneNo`, `cardnumber`. Some harmless names lose their range: `discarded`.
_STEMS = re.compile(
    "phone|telef|mobile|whatsapp|msisdn|card|iban|accountn|passport|nationalid|taxid|socialsecurity|birth|imei|imsi|ipaddr"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_WHOLE = re.compile(r"-?([0-9]+)(?:\.0*)?")
CARD = re.compile(
    r"4(?:\d{12}|\d{15})|(?:5[0-8]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689])\d{11}|(?:35|6\d|8[12])\d{14}", re.ASCII
)
"""Visa, Mastercard, American Express, Diners, and of 16 digits the prefixes of all others; the Luhn test is apart."""


def has_telling_name(name: str) -> bool:
    """Whether the name of a column says that its values are somebody's numbers; in doubt they are."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or _STEMS.search("".join(words)) is not None


def is_card_number(text: str) -> bool:
    """Whether a number is of 13 to 16 digits, begins as an issuer's do and passes the Luhn test."""
    whole = _WHOLE.fullmatch(text)
    return whole is not None and CARD.fullmatch(whole[1]) is not None and _passes_luhn(whole[1])


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


# -------------------------------------------------------------------------------------------------- what a name says
# Names are searched twice, as they are and with camelCase undone, in lower case with `_` between words.
_PART = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[^\W\d_A-Z]+[0-9]*|[0-9]+")
_NO_WORD = re.compile(r"[\W_]+")
_HASH_WORD = re.compile("(sha_?256|md_?5)", re.IGNORECASE)
_NUMBER = "(?:_?(?:no|nr|num|number|numbers))?[0-9]?"
# Only whole words, or words run together that mean nothing else: a false alarm here costs more than in `_STEMS`.
_SAYS: Mapping[Kind, re.Pattern[str]] = {
    "email": re.compile("_(?:[a-z]*e_?)?mails?_?(?:addr(?:ess)?(?:es)?)?[0-9]?_"),
    "phone": re.compile(
        f"_(?:home|work|cell|mobile|user|customer|contact|tele)?_?phones?{_NUMBER}_"
        f"|_(?:tel|mobile|cell|msisdn|whatsapp|fax|telefon|telefono){_NUMBER}_"
    ),
    "ip": re.compile("_ips?_?(?:v[46])?_?(?:addr(?:ess)?(?:es)?)?_|_(?:remote|client|peer)_?addr(?:ess)?_"),
    "card": re.compile(
        f"_(?:cc|ccn|pan|cards?){_NUMBER}_|_(?:credit|debit|bank|payment)_?cards?{_NUMBER}_|card_?(?:no|num|number)_"
    ),
    "name": re.compile(
        "_(?:full|first|last|middle|maiden|given|family|fore|user|customer|contact|buyer|recipient|person|cardholder)"
        "_?names?_|_(?:surname|fname|lname)_"
    ),
    "birth": re.compile("_birth|birth(?:day|date)|_(?:dob|bday)_"),
    "address": re.compile(
        "(?<!_ip)(?<!_ips)(?<!_mac)(?<!mail)(?<!_web)(?<!_wallet)(?<!_url)(?<!_host)(?<!_server)(?<!_remote)"
        "(?<!_client)(?<!_peer)(?<!_v4)(?<!_v6)_(?:street_?|home_?|postal_?)?addr(?:ess)?(?:es)?_?(?:line)?_?[0-9]?_"
        "|_street(?:_?name)?_"
    ),
    "identity": re.compile(
        f"_(?:ssn|nin|nino|iban|passport|cpf|curp|nric|aadhaar|imei|imsi)(?:_?id)?{_NUMBER}_|_national_?id(?:entity)?_"
        f"|_tax_?id{_NUMBER}_|_social_?security|_driver_?s?_?licen[cs]e|_licen[cs]e_?plate"
        "|_(?:bank_?)?account_?(?:no|nr|num|number)_"
    ),
}
_WORD_FOR: Mapping[Kind, str] = {
    "email": "e-mail address",
    "phone": "phone number",
    "ip": "IP address",
    "card": "payment card number",
    "name": "name of a person",
    "birth": "date of birth",
    "address": "postal address",
    "identity": "identity or account number",
}
# `email_count`, `phone_verified_at`, `is_email_valid`: of an address or a number, but none.
_ABOUT = re.compile(
    "_(?:algo|algorithm|at|brand|carrier|clicks|code|consent|count|country|counts|date|domain|domains|flag|format|length|"
    "method|model|opens|optin|os|provider|salt|source|status|subject|template|time|type|types|valid|validity|verified|"
    "version)_$|^_(?:is|has|was|can)_"
)
_ABOUT_A_THING = re.compile("_(?:ids?|sessions|visits|app)_$")
# `phone.number`, `emails[].value`: the word is in what is above.
_GENERIC = re.compile("_(?:value|values|key|element|item|items|number|numbers|no|num|raw|text|e_?164)_")
# Four numbers with dots are a version there.
_VERSIONS = re.compile(
    "_(?:agent|agents|useragent|ua|version|versions|ver|firmware|build|release|revision|browser|software|sdk|driver|os|"
    "kernel|model)_"
)
_HASHED = re.compile("_hash(?:ed|es)?_")
_SHA256, _MD5 = re.compile("sha_?256"), re.compile("md_?5")
_OTHER_HASH = re.compile("sha_?(?:1|224|384|512)_")
_IDENTIFIER = re.compile("_(?:external_?ids?|idfas?|gaids?|maids?|aaids?|mobile_?ad(?:vertising)?_?ids?)_")
# With the algorithm in the name fewer words will do; `file_sha256` promises nothing about persons.
_OWNER = re.compile(
    "_(?:em|ph|fn|ln|user|customer|member|person|contact|lead|crm|device|idfv|oaid|adid|pii|city|zip|country|gender)_"
)


def telling(path: str) -> frozenset[Kind]:
    """What the name of a column says that its values are; of a nested one, its own name and not those above."""
    forms = _forms(path)
    kinds = {kind for kind, says in _SAYS.items() if any(says.search(form) for form in forms)}
    if any(_ABOUT.search(form) for form in forms):
        return frozenset(kinds & {"birth"})  # `birth_date`
    about_a_thing = any(_ABOUT_A_THING.search(form) for form in forms)
    return frozenset(kinds - {"phone", "card"} if about_a_thing else kinds)


def personal_word(name: str) -> str | None:
    """What a column's name says of a person, in a few words; None where it says nothing, or promises hashes."""
    kinds = telling(name)
    if hash_form_by_name(name):
        return None
    return next((word for kind, word in _WORD_FOR.items() if kind in kinds), None)


def hash_form_by_name(path: str) -> HashForm | None:
    """What form of hash a name promises: `email_sha256`, `hashed_phone`, `idfa_md5`; a `content_hash` may be any."""
    forms = _forms(path)
    if not _promises_of_a_person(path, forms) or any(_OTHER_HASH.search(form) for form in forms):
        return None
    if any(_SHA256.search(form) for form in forms):
        return "sha256"
    if any(_MD5.search(form) for form in forms):
        return "md5"
    return "sha256" if may_be_hashed(path) and any(_HASHED.search(form) for form in forms) else None


def may_be_hashed(path: str) -> bool:
    """Whether the column is one whose values are sent as hashes, so that the majority of them decides."""
    return not telling(path).isdisjoint({"email", "phone"}) or any(_IDENTIFIER.search(form) for form in _forms(path))


def wanted(path: str, *, numeric: bool = False) -> frozenset[str]:
    """The kinds of values to count in a column: those that `judge` may ask for."""
    said = telling(path)
    digits = {"phone-digits"} if "phone" in said else set()
    if numeric:
        return frozenset(digits | ({"card"} if "card" in said else set()))
    addresses = set() if _holds_versions(path) else {"ip", "ip-low"}
    return frozenset({"email", "phone", "card"} | addresses | digits)


def _promises_of_a_person(path: str, forms: tuple[str, ...]) -> bool:
    return bool(telling(path)) or any(_IDENTIFIER.search(form) or _OWNER.search(form) for form in forms)


def _holds_versions(path: str) -> bool:
    return "ip" not in telling(path) and any(_VERSIONS.search(form) for form in _forms(path))


def _forms(path: str) -> tuple[str, ...]:
    """The name's words between underscores, as it is and with camelCase undone; hash words stay words of their own."""
    names = [name for name in path.replace(ELEMENT, "").split(".") if name]
    own = names[-1:]
    while len(own) < len(names) and _GENERIC.fullmatch(_plain(own[0])):
        own = names[-1 - len(own) :]
    name = "_".join(own)
    return _plain(_HASH_WORD.sub(r"_\1_", name)), _plain("_".join(_PART.findall(name)))


def _plain(name: str) -> str:
    return f"_{_NO_WORD.sub('_', name.lower()).strip('_')}_"


# --------------------------------------------------------------------------------------------------- what was counted
class _Told(NamedTuple):
    """How one kind of values is told: its finding's rule, one of them, several of them, and what to do."""

    rule: str
    one: str
    several: str
    advice: str


_EMAIL = _Told(
    "raw-email",
    "raw e-mail address",
    "raw e-mail addresses",
    "hash it ({form}, lower-case hex, of the trimmed lower-cased address) or leave it out",
)
_PHONE = _Told(
    "raw-phone",
    "raw phone number",
    "raw phone numbers",
    "hash it ({form}, lower-case hex, of the number with its country code) or leave it out",
)
_KINDS: Mapping[str, _Told] = {
    "email": _EMAIL,
    "phone": _PHONE,
    "ip": _Told(
        "raw-ip", "raw IP address", "raw IP addresses", "leave it out, or use a contract that allows it in this column"
    ),
    "card": _Told("raw-card", "payment card number", "payment card numbers", "leave it out"),
    "hash-email": _EMAIL,
    "hash-phone": _PHONE,
    "hash-of-nothing": _Told(
        "hash-of-nothing",
        'hash of nothing (of an empty text, "null" or the like)',
        'hashes of nothing (of an empty text, "null" or the like)',
        "write a null where there is nothing to hash",
    ),
    "hash-empty": _Told("hash-form", "empty text, no hash", "empty texts", "write a null where there is no hash"),
    "hash-upper-case": _Told("hash-form", "hash in upper case", "hashes in upper case", "write it in lower case"),
    "hash-md5": _Told(
        "hash-form", "MD5 hash, not SHA-256", "MD5 hashes", "hash the value itself with SHA-256, lower-case hex"
    ),
    "hash-sha256": _Told(
        "hash-form", "SHA-256 hash, not MD5", "SHA-256 hashes", "write it to the column that takes SHA-256"
    ),
    "hash-base64": _Told("hash-form", "hash in base64", "hashes in base64", "write it as lower-case hex"),
    "hash-bytes": _Told("hash-form", "hash as raw bytes", "hashes as raw bytes", "write it as lower-case hex"),
    "hash-padded": _Told("hash-form", "hash with blanks around it", "hashes with blanks around", "trim it"),
    "hash-other": _Told(
        "hash-form",
        "value that is no hash",
        "values that are no hashes",
        "hash it ({form}, lower-case hex) or leave it out",
    ),
}
_FORM_NAMES: Mapping[HashForm, str] = {"sha256": "SHA-256", "md5": "MD5"}


def judge(tallies: Iterable[Tally], *, fields: Mapping[str, Field], depth: Depth) -> list[Finding]:
    """The findings, all errors, of what `parquet.personal_kernels` counted; their counts add up to the hits.

    Args:
        tallies: One for each column and kind; of `hash-like` the hits are the values that look like SHA-256.
        fields: The contract's, by path; empty where there is none. Its word on a column beats the column's name.
        depth: Whether all rows were counted or a sample of them.
    """
    columns: dict[str, dict[str, Tally]] = {}
    for tally in tallies:
        columns.setdefault(tally.column, {})[tally.rule] = tally
    return [
        finding
        for column, found in columns.items()
        for tally in _wrong(column, found, fields.get(column))
        for finding in _findings(tally, _form(column, fields.get(column)), depth)
    ]


def _form(column: str, field: Field | None) -> HashForm:
    return (field.hashed if field else hash_form_by_name(column)) or "sha256"


def _wrong(column: str, found: Mapping[str, Tally], field: Field | None) -> Iterator[Tally]:
    """What is not as it must be, its kinds as in `_KINDS`; a value of a hashed column has one fault, so counts once."""
    faults = [tally for kind, tally in found.items() if kind in _KINDS and kind.startswith("hash-") and tally.hits]
    if faults and _is_hashed(column, found, field):
        yield from faults
    else:
        yield from (tally for tally in _raw(column, found, field) if tally.hits)


def _is_hashed(column: str, found: Mapping[str, Tally], field: Field | None) -> bool:
    if field:
        return field.hashed is not None
    return bool(hash_form_by_name(column)) or (may_be_hashed(column) and _is_half(found.get("hash-like")))


def _raw(column: str, found: Mapping[str, Tally], field: Field | None) -> Iterator[Tally]:
    said = telling(column)
    yield from (found[kind] for kind in ("email",) if kind in found)
    yield from merged(replace(tally, rule="phone") for tally in _phones(found, said))
    if not _holds_versions(column) and not (field and field.raw):
        yield from merged(replace(tally, rule="ip") for tally in _addresses(found, said))
    card = found.get("card")
    if card and ("card" in said or _is_half(card)):
        yield card


def _phones(found: Mapping[str, Tally], said: frozenset[Kind]) -> Iterator[Tally]:
    """Bare digits are ids as often as numbers to call."""
    if "phone" in found:
        yield found["phone"]
    digits = found.get("phone-digits")
    if digits and "phone" in said and _is_half(digits):
        yield digits


def _addresses(found: Mapping[str, Tally], said: frozenset[Kind]) -> Iterator[Tally]:
    """Low numbers with dots are versions as often as addresses."""
    if "ip" in found:
        yield found["ip"]
    low = found.get("ip-low")
    if low and ("ip" in said or _is_half(low, others=found.get("ip"))):
        yield low


def _is_half(tally: Tally | None, *, others: Tally | None = None) -> bool:
    """Whether half of the values are of the kind, or of either."""
    hits = (tally.hits if tally else 0) + (others.hits if others else 0)
    return tally is not None and hits > 0 and 2 * hits >= tally.seen


def _findings(tally: Tally, form: HashForm, depth: Depth) -> Iterator[Finding]:
    told = _KINDS[tally.rule]
    subject = f'column "{escape(tally.column)}"' if tally.column else "outside the rows"
    advice = told.advice.format(form=_FORM_NAMES[form])
    places = tally.places[: min(MOST_PLACES, tally.hits)]
    for place in places:
        yield _at(place, tally, ", ".join((f"{subject}: {told.one}", *_where(place, tally.rule))) + f"; {advice}")
    rest = tally.hits - len(places)
    if rest:
        more = f"{'and ' if places else ''}{rest:,}{' more' if places else ''} {told.several if rest > 1 else told.one}"
        seen = "" if depth == "full" else ", in a sample of the rows"
        yield replace(_at(None, tally, f"{subject}: {more}{seen}; {advice}"), count=rest)


def _at(place: Place | None, tally: Tally, message: str) -> Finding:
    in_rows = place is not None and place.row_group >= 0
    return Finding(
        rule=_KINDS[tally.rule].rule,
        severity="error",
        message=message,
        column=tally.column or None,
        row_group=place.row_group if place and in_rows else None,
        row=place.row if place and in_rows else None,
        length=place.length if place else None,
    )


def _where(place: Place, kind: str) -> Iterator[str]:
    if place.length is not None:
        unit = "byte" if kind == "hash-bytes" else "character"
        yield f"{place.length:,} {unit}{'' if place.length == 1 else 's'}"
    if place.row_group >= 0:
        yield f"row group {place.row_group}"
        if place.row is not None:
            yield f"row {place.row:,}"
