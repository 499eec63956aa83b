"""Numbers that may be a person's: a phone, a card, a birthday. Decisions only; in doubt they are."""

import re

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
# Visa, Mastercard, American Express, Diners, and of 16 digits the prefixes of all others.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15})|(?:5[0-8]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689])\d{11}|(?:35|6\d|8[12])\d{14}", re.ASCII
)


def has_telling_name(name: str) -> bool:
    """Whether the name of a column says that its values are somebody's numbers."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or _STEMS.search("".join(words)) is not None


def is_card_number(text: str) -> bool:
    """Whether a number is of 13 to 16 digits, begins as an issuer's do and passes the Luhn test."""
    whole = _WHOLE.fullmatch(text)
    return whole is not None and _CARD.fullmatch(whole[1]) is not None and _passes_luhn(whole[1])


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
