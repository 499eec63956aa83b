"""The keys of the standard that are for people and other tools: known by name, and otherwise left alone."""

from typing import Annotated

from pydantic import BeforeValidator

from tiktok_upload.contract_file.tree import Rows, Scalar, Table, Tree
from tiktok_upload.contract_file.values import Anything, Note, Notes, Strict


class CustomProperty(Strict):
    """One fact that the standard has no key for."""

    property: Note
    value: Anything
    id: Note = None
    description: Note = None
    vendor: Note = None


class Definition(Strict):
    """Where a word is explained."""

    url: Note
    type: Note
    id: Note = None
    description: Note = None


class Annotatable(Strict):
    """Most parts of a contract may be explained further."""

    custom_properties: list[CustomProperty] | None = None
    authoritative_definitions: list[Definition] | None = None


class Description(Annotatable):
    """What the data are for."""

    usage: Note = None
    purpose: Note = None
    limitations: Note = None


class Statement(Annotatable):
    """A question with its answer, or a constraint, in words."""

    id: Note = None
    question: Note = None
    answer: Note = None
    constraint: Note = None
    tags: Notes | None = None


class Context(Strict):
    """What a language model should know."""

    instructions: Note = None
    verified_statements: list[Statement] | None = None
    constraints: list[Statement] | None = None


class Role(Strict):
    """Who gets access."""

    role: Note
    id: Note = None
    description: Note = None
    access: Note = None
    first_level_approvers: Note = None
    second_level_approvers: Note = None
    custom_properties: list[CustomProperty] | None = None


class Server(Strict):
    """Where data of this kind lie; the keys of all types of servers, since none of them is asked here."""

    server: Note
    type: Note
    id: Note = None
    description: Note = None
    environment: Note = None
    roles: list[Role] | None = None
    custom_properties: list[CustomProperty] | None = None
    account: Note = None
    catalog: Note = None
    catalog_url: Note = None
    database: Note = None
    dataset: Note = None
    delimiter: Note = None
    encoding: Note = None
    endpoint_url: Note = None
    format: Note = None
    host: Note = None
    location: Note = None
    namespace: Note = None
    path: Note = None
    port: Note = None
    project: Note = None
    region: Note = None
    region_name: Note = None
    schema_: Note = None
    service_name: Note = None
    staging_dir: Note = None
    stream: Note = None
    warehouse: Note = None
    workgroup: Note = None


class Support(Strict):
    """Whom to ask."""

    channel: Note
    id: Note = None
    url: Note = None
    description: Note = None
    tool: Note = None
    scope: Note = None
    invitation_url: Note = None
    custom_properties: list[CustomProperty] | None = None


class Price(Strict):
    """What it costs."""

    id: Note = None
    price_amount: Note = None
    price_currency: Note = None
    price_unit: Note = None


class Member(Annotatable):
    """Of a team."""

    username: Note
    id: Note = None
    name: Note = None
    description: Note = None
    role: Note = None
    date_in: Note = None
    date_out: Note = None
    replaced_by_username: Note = None
    tags: Notes | None = None


class Team(Annotatable):
    """Who keeps the data."""

    id: Note = None
    name: Note = None
    description: Note = None
    members: list[Member] | None = None
    tags: Notes | None = None


class Agreement(Annotatable):
    """A level of service: about deliveries, not about one file."""

    property: Note
    value: Note
    id: Note = None
    value_ext: Note = None
    unit: Note = None
    element: Note = None
    driver: Note = None
    description: Note = None
    scheduler: Note = None
    schedule: Note = None


class Synonym(Strict):
    """Another name, for people."""

    synonym: Note
    id: Note = None
    description: Note = None
    locale: Note = None
    source: Note = None
    status: Note = None
    custom_properties: list[CustomProperty] | None = None


class Documented(Annotatable):
    """What tables and columns alike may be explained with."""

    id: Note = None
    description: Note = None
    business_name: Note = None
    deprecated: Note = None
    synonyms: list[Synonym] | None = None
    tags: Notes | None = None


def _as_team(node: Tree) -> Tree:
    """Up to v3.0 a team was the list of its members."""
    return _wrapped("members", node) if isinstance(node, Rows) else node


def _as_context(node: Tree) -> Tree:
    return _wrapped("instructions", node) if isinstance(node, Scalar) else node


def _wrapped(key: str, node: Rows | Scalar) -> Table:
    table = Table(node.line)
    table.put(key, node, node.line)
    return table


AnyTeam = Annotated[Team, BeforeValidator(_as_team)]
AnyContext = Annotated[Context, BeforeValidator(_as_context)]
