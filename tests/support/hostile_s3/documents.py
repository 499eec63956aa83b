"""S3's XML, and what every answer carries."""

import secrets
from collections.abc import Sequence
from email.utils import formatdate
from xml.etree import ElementTree as ET

from .errors import S3Error
from .wire import Answer

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

Content = str | Sequence[tuple[str, "Content"]]
Fields = list[tuple[str, Content]]


def document(name: str, content: Content, *, namespace: str = NAMESPACE) -> bytes:
    """An XML document from nested pairs of element name and content."""
    root = ET.Element(name, {"xmlns": namespace} if namespace else {})
    _fill(root, content)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root)


def _fill(element: ET.Element, content: Content) -> None:
    if isinstance(content, str):
        element.text = content
        return
    for name, inner in content:
        _fill(ET.SubElement(element, name), inner)


def xml_answer(name: str, content: Content, headers: dict[str, str] | None = None) -> Answer:
    """A 200 with a document."""
    return Answer(200, {"Content-Type": "application/xml", **(headers or {})}, document(name, content))


def error_answer(error: S3Error, resource: str) -> Answer:
    """What a refusal looks like."""
    fields: Fields = [("Code", error.code), ("Message", error.message)]
    fields += error.extra.items()
    fields += [("Resource", resource), ("RequestId", request_id()), ("HostId", secrets.token_urlsafe(24))]
    body = document("Error", fields, namespace="")
    return Answer(error.status, {"Content-Type": "application/xml", **error.headers}, body, code=error.code)


def request_id() -> str:
    """A fresh id as S3 spells them."""
    return secrets.token_hex(8).upper()


def http_date(seconds: float) -> str:
    """The form of Last-Modified."""
    return formatdate(seconds, usegmt=True)


def parse_parts(body: bytes) -> list[dict[str, str]]:
    """The parts of a Complete document: element name to text, in their order.

    Raises:
        S3Error: MalformedXML, also where the list is empty.
    """
    try:
        root = ET.fromstring(body)
    except ET.ParseError as exc:
        raise malformed() from exc
    parts = [{_plain(field.tag): field.text or "" for field in part} for part in root if _plain(part.tag) == "Part"]
    if not parts or _plain(root.tag) != "CompleteMultipartUpload":
        raise malformed()
    return parts


def malformed() -> S3Error:
    """The document is not what S3 expects."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return S3Error("MalformedXML", message)


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
