"""What personal data look like in bytes, as RE2 patterns; and what looks like them and is none."""

from collections.abc import Mapping

# RE2's, for bytes. No counted repetition that is large: it makes the automaton slow. What stands behind is looked at by
# `\b`, which takes nothing, so that two hits may share a comma.
_LETTER = r"A-Za-z\x80-\xff"
_AT = r"(?:@|%40)"
EMAIL = (
    rf"(?:^|[^\w.%+@\x80-\xff-])[\w.%+\x80-\xff-]+{_AT}(?:[{_LETTER}0-9](?:[{_LETTER}0-9-]*[{_LETTER}0-9])?\.)+"
    r"(?:[A-Za-z]{2,24}\b|xn--[a-z0-9-]+\b|[\x80-\xff]{4})"
)
# Cut out before an address is believed: who logs in to a host, a repository, an image for sharp screens, a version of
# a package, the name of a file.
NO_EMAIL = (
    r"(?i)[a-z][a-z0-9+.-]*://[^\s/@?#]*@|\b(?:git|hg|svn)@[\w.-]+[:/]|@[0-9](?:\.[0-9])?x[~\w-]*\.|@v?[0-9]+\.[0-9]+\.|"
    r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|tiff?|css|m?js|jsx|tsx|json|html?|xml|ya?ml|txt|csv|pdf|mp4|webm|woff2?|"
    r"ttf|parquet|gz|exe|dll)\b"
)
# In bytes that are no text, at random, these come once in 10^14 (a short address at a well-known ending) and 10^12.5
# bytes (a long one at any).
EMAIL_IN_BYTES = (
    r"[A-Za-z0-9._%+-]{2}@(?:[A-Za-z0-9.-]*\.)?[A-Za-z0-9-]{3}[A-Za-z0-9-]*\.(?:com|net|org|edu|gov)(?:[^\w-]|$)|"
    r"[A-Za-z0-9._%+-]{6}@(?:[A-Za-z0-9.-]*\.)?[A-Za-z0-9-]{4}[A-Za-z0-9-]*\.[a-z]{2}[a-z]*(?:[^\w-]|$)"
)
EMAIL_IN_BYTES_CORE = r"@[A-Za-z0-9.-]{3}[A-Za-z0-9.-]*\.[a-z]{2}"
_GAP = r"(?:[ ()-]|\xc2\xa0){0,3}"
PHONE = (
    # +49 (0)30 1234567, +1.415.555.1234, and with the plus sign as in the query of a URL
    rf"(?i)(?:(?:^|[^\w+/.])\+|%2B)[1-9](?:(?:{_GAP}[0-9]){{6,14}}|[0-9]{{0,2}}(?:(?:\.[0-9]{{2,4}}){{3,5}}|"
    r"(?:\.[0-9]{3,8}){2}))(?:$|[^\w/.,+]|[.,](?:$|[^0-9]))|"
    # (415) 555-1234, and 415-555-1234 where it may be a number of North America
    r"(?:^|[^\w.+/-])(?:1[ -])?(?:\([0-9]{3}\)[ -]?[0-9]{3}[ .-]|[2-9][0-9]{2}-[2-9][0-9]{2}-)[0-9]{4}(?:$|[^\w/-])"
)
_SPACED = r"[0-9](?: ?[0-9]){6,14}"
PHONE_DIGITS = rf"^\s*(?:{_SPACED}|0[0-9]{{1,4}}[-/][0-9]{{3,10}})\s*$"
_OCTET, _HIGH = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", r"(?:25[0-5]|2[0-4]\d|1\d\d)"
_OWN_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d?)"
# Of hosts: not 0, 127, nor from 224 on.
_NET, _HIGH_NET = r"(?:22[0-3]|2[01]\d|1[013-9]\d|12[0-689]|[1-9]\d?)", r"(?:22[0-3]|2[01]\d|1[013-9]\d|12[0-689])"
# Behind a slash is a version (Chrome/120.0.0.0) or a URL's host; before one a network.
_QUAD_STARTS, _QUAD_ENDS = r"(?:^/?|[^\w./@-])", r"(?:$|[^\w./-]|\.(?:$|[^\w]))"
# 120.0.0.0 is a version, too.
_QUAD_TAIL = rf"(?:{_OWN_OCTET}\.{_OCTET}|0\.{_OWN_OCTET})"
_HIGH_QUAD = (
    rf"(?:{_HIGH_NET}\.{_OCTET}\.{_QUAD_TAIL}|{_NET}\.{_HIGH}\.{_QUAD_TAIL}|{_NET}\.{_OCTET}\.{_HIGH}\.{_OCTET}|"
    rf"{_NET}\.{_OCTET}\.{_OCTET}\.{_HIGH})"
)
_H = "[0-9a-f]{1,4}"
# 2000::/3, fc00::/7 and fe80::/10; eight groups, or some left out.
IPV6 = (
    r"(?i)(?:^\[?|[^\w:./\[@-])(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f])"
    rf"(?:(?::{_H}){{7}}|(?::{_H}){{0,6}}::(?:{_H}(?::{_H}){{0,5}})?)(?:$|[^\w:.]|\.(?:$|\W))"
)
ANY_QUAD = rf"{_QUAD_STARTS}{_OCTET}(?:\.{_OCTET}){{3}}{_QUAD_ENDS}"
IP = rf"{_QUAD_STARTS}{_HIGH_QUAD}{_QUAD_ENDS}"
CARD_WRITTEN = r"^\s*[2-68](?:[ -]?[0-9]){12,15}(?:\.0*)?\s*$"
NO_CARD_DIGIT = r"\.0*\s*$|[^0-9]"

# What each kind cannot do without. Beginning with one rare byte, they are found at 5 to 20 GB/s, all else at 0.5.
CORES: Mapping[str, tuple[str, ...]] = {
    "email": (rf"@[{_LETTER}0-9][^\s@]*\.", "%40"),
    "phone": (r"\+[1-9]", "%2B[1-9]", "%2b[1-9]", "-[0-9]{3}-[0-9]{4}", r"\)[ -]?[0-9]{3}[ .-][0-9]{4}"),
    "ip": (_QUAD_CORE := r"\.[0-9]{1,3}\.[0-9]{1,3}\.", "::", ":(?:[0-9A-Fa-f]{1,4}:){6}"),
    "ip-low": (_QUAD_CORE,),
}

# `parquet-mr version 1.10.99.101`, `"spark.version": "3.5.100.1"`
VERSION = r"(?i)version\W{0,8}[0-9.]+"
