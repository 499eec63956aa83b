"""Text from files and the network is shown so that it can fool neither reader nor terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.text import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.parquet", "plain name.parquet"),
        ("müsli 東京 🦆", "müsli 東京 🦆"),
        ("", ""),
        ("two\nlines\ttab", "two\\x0alines\\x09tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("exe\u202egnp", "exe\\u202egnp"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028separator", "line\\u2028separator"),
        ("byte \udcff", "byte \\udcff"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(st.characters()))
def test_whatever_comes_out_can_be_encoded_and_stays_on_one_line(text: str) -> None:
    shown = escape(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
