"""The keys of the standard that this tool acts on, with the types of their values."""

from typing import Annotated, get_args

from tiktok_upload.contract import Family
from tiktok_upload.contract_file.documentation import (
    Agreement,
    Annotatable,
    AnyContext,
    Description,
    Documented,
    Price,
    Role,
    Server,
    Support,
)
from tiktok_upload.contract_file.documentation import AnyTeam as Team
from tiktok_upload.contract_file.values import (
    Anything,
    Date,
    Flag,
    Integer,
    Moment,
    Note,
    Notes,
    Number,
    Pattern,
    Positive,
    Strict,
    Text,
    Time,
    Whole,
    cannot_be_true,
    cannot_run,
    word_of,
)

FORMS = ("uri", "uuid", "email", "hostname", "ipv4", "ipv6")
FAMILIES: tuple[Family, ...] = get_args(Family)

_NO_FORM = cannot_run("leave it out: in parquet it is a value, not a text, and has no form")
_WIDTH = cannot_run("leave it out, or ask for exactly one type: physicalType: int64")
_REFERS = cannot_run("leave it out: it needs another table")


class Root(Annotatable):
    """The contract itself."""

    custom_properties: Anything = None  # read by `custom`
    api_version: Text
    kind: Annotated[str, word_of("DataContract")]
    id: Text
    version: Text
    schema_: Anything = None
    name: Note = None
    tenant: Note = None
    tags: Notes | None = None
    status: Note = None
    servers: list[Server] | None = None
    data_product: Note = None
    description: Description | None = None
    domain: Note = None
    context: AnyContext | None = None
    support: list[Support] | None = None
    price: Price | None = None
    team: Team | None = None
    roles: list[Role] | None = None
    sla_default_element: Note = None
    sla_properties: list[Agreement] | None = None
    contract_created_ts: Note = None


class SchemaObject(Documented):
    """The table."""

    custom_properties: Anything = None  # read by `custom`
    name: Text
    logical_type: Annotated[str, word_of("object")] | None = None
    physical_type: Annotated[str, word_of("parquet")] | None = None
    physical_name: Note = None
    data_granularity_description: Note = None
    properties: Anything = None
    relationships: Annotated[None, _REFERS] = None
    quality: Anything = None
    context: AnyContext | None = None


class Element(Documented):
    """What is in a list or a map."""

    custom_properties: Anything = None  # read by `custom`
    name: Text | None = None
    logical_type: Annotated[Family, word_of(*FAMILIES)] | None = None
    logical_type_options: Anything = None
    physical_type: Text | None = None
    physical_name: Text | None = None
    required: Flag | None = None
    unique: Flag | None = None
    primary_key: Flag | None = None
    primary_key_position: Integer | None = None
    semantic_type: Note = None
    partitioned: Note = None
    partition_key_position: Note = None
    classification: Text | None = None
    encrypted_name: Note = None
    transform_source_objects: Notes | None = None
    transform_logic: Note = None
    transform_description: Note = None
    examples: Anything = None
    enum: Anything = None
    critical_data_element: Note = None
    relationships: Annotated[None, _REFERS] = None
    quality: Anything = None
    items: Anything = None
    properties: Anything = None
    map: Anything = None


class Column(Element):
    """A column, or a field of one."""

    name: Text


class EnumValue(Annotatable):
    """One of the values that a column may have."""

    value: Anything
    label: Note = None
    id: Note = None
    description: Note = None
    tags: Notes | None = None


class Quality(Annotatable):
    """A rule: of the standard's library, or of this tool."""

    custom_properties: Anything = None  # read by `custom`
    type: Annotated[str, word_of("library", "custom", "sql", "text")] | None = None
    metric: Text | None = None
    rule: Annotated[None, cannot_run("write it as metric, such as metric: nullValues")] = None
    arguments: Anything = None
    engine: Text | None = None
    implementation: Anything = None
    query: Anything = None
    must_be: Anything = None
    must_not_be: Anything = None
    must_be_greater_than: Anything = None
    must_be_greater_or_equal_to: Anything = None
    must_be_less_than: Anything = None
    must_be_less_or_equal_to: Anything = None
    must_be_between: Anything = None
    must_not_be_between: Anything = None
    unit: Annotated[str, word_of("rows", "percent")] | None = None
    severity: Annotated[str, word_of("error", "warning", "info")] | None = None
    name: Text | None = None
    id: Note = None
    business_impact: Note = None
    description: Note = None
    dimension: Note = None
    method: Note = None
    schedule: Note = None
    scheduler: Note = None
    tags: Notes | None = None


class InvalidValues(Strict):
    """What makes a value valid."""

    valid_values: Anything = None
    pattern: Pattern | None = None


class DuplicateValues(Strict):
    """Which columns together may not repeat."""

    properties: Anything


# --------------------------------------------------------------------------------------------------------- the options
class TextOptions(Strict):
    """Of a string."""

    min_length: Whole | None = None
    max_length: Whole | None = None
    pattern: Pattern | None = None
    format: Annotated[str, word_of(*FORMS)] | None = None


class NumberOptions(Strict):
    """Of a number or an integer."""

    minimum: Number | None = None
    maximum: Number | None = None
    exclusive_minimum: Number | None = None
    exclusive_maximum: Number | None = None
    multiple_of: Positive | None = None
    format: Annotated[None, _WIDTH] = None


class DateOptions(Strict):
    """Of a date."""

    minimum: Date | None = None
    maximum: Date | None = None
    exclusive_minimum: Date | None = None
    exclusive_maximum: Date | None = None
    format: Annotated[None, _NO_FORM] = None


class TimeOptions(Strict):
    """Of a time of the day."""

    minimum: Time | None = None
    maximum: Time | None = None
    exclusive_minimum: Time | None = None
    exclusive_maximum: Time | None = None
    format: Annotated[None, _NO_FORM] = None
    timezone: Annotated[bool, cannot_be_true("leave it out: a time of the day in parquet has no zone")] | None = None
    default_timezone: Annotated[None, cannot_run("leave it out: a time of the day in parquet has no zone")] = None


class MomentOptions(Strict):
    """Of a timestamp."""

    minimum: Moment | None = None
    maximum: Moment | None = None
    exclusive_minimum: Moment | None = None
    exclusive_maximum: Moment | None = None
    format: Annotated[None, _NO_FORM] = None
    timezone: Flag | None = None
    default_timezone: Annotated[None, cannot_run("leave it out; ask for a zone in the file: timezone: true")] = None


class ListOptions(Strict):
    """Of an array."""

    min_items: Whole | None = None
    max_items: Whole | None = None
    unique_items: Annotated[bool, cannot_be_true("leave it out")] | None = None


class ObjectOptions(Strict):
    """Of an object: none that can be checked."""

    max_properties: Annotated[None, cannot_run("leave it out: its properties are listed")] = None
    min_properties: Annotated[None, cannot_run("write required: true at its properties")] = None
    required: Annotated[None, cannot_run("write required: true at its properties")] = None


class NoOptions(Strict):
    """Of all else."""


OPTIONS: dict[str, type[Strict]] = {
    "string": TextOptions,
    "integer": NumberOptions,
    "number": NumberOptions,
    "date": DateOptions,
    "time": TimeOptions,
    "timestamp": MomentOptions,
    "array": ListOptions,
    "object": ObjectOptions,
    "boolean": NoOptions,
    "map": NoOptions,
}
