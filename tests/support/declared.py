"""Declared schemas for tests: short constructors, and a strategy that makes much nonsense."""

from dataclasses import replace

from hypothesis import strategies as st

from appdb.model.finding import Evidence, Span
from appdb.model.schema import (
    Action,
    Check,
    Column,
    Deferrable,
    Enum,
    Exclusion,
    ForeignKey,
    Identity,
    Index,
    IndexKey,
    Namespace,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Unique,
    View,
)
from appdb.model.types import PgType, builtin, declared
from appdb.source.dialect import render
from appdb.source.soundness.schema import sound

EVIDENCE = Evidence(span=Span(path="schema.prisma", line=7, column=3), rule="test")


def column(name, type_="integer", *, nullable=True, **rest):
    """A column; the type may be a word."""
    found = builtin(type_) if isinstance(type_, str) else type_
    return Column(name=name, type=found, nullable=nullable, evidence=EVIDENCE, **rest)


def table(name, *columns, primary=None, **rest):
    """A table with columns and, if asked for, a nameless primary key."""
    key = PrimaryKey(name=None, columns=primary, evidence=EVIDENCE) if primary else None
    return Table(
        name=name, columns=columns, evidence=EVIDENCE, framework="test", primary_key=key, **rest
    )


def unique(*columns, name=None, **rest):
    return Unique(name=name, columns=columns, evidence=EVIDENCE, **rest)


def foreign(columns, target, referenced, *, name=None, **rest):
    return ForeignKey(
        name=name, columns=columns, table=target, referenced=referenced, evidence=EVIDENCE, **rest
    )


def index(*columns, name=None, **rest):
    keys = tuple(IndexKey(column=each) if isinstance(each, str) else each for each in columns)
    return Index(name=name, keys=keys, evidence=EVIDENCE, **rest)


def check(expression, name=None):
    return Check(name=name, expression=expression, evidence=EVIDENCE)


def enum(name, *labels, schema=None):
    return Enum(name=name, labels=labels, evidence=EVIDENCE, schema=schema)


def sequence(name, options=""):
    return Sequence(name=name, options=options, evidence=EVIDENCE)


def view(name, query):
    return View(name=name, query=query, evidence=EVIDENCE)


def namespace(name):
    return Namespace(name=name, evidence=EVIDENCE)


def exclusion(definition, name=None):
    return Exclusion(name=name, definition=definition, evidence=EVIDENCE)


def made_sound(*tables, **rest):
    """What is left of tables, and the findings' codes and messages."""
    found, findings = sound(Schema(tables=tables, **rest), Schema())
    return found, [f"{finding.code}: {finding.message}" for finding in findings]


def sql_of(schema):
    return [statement.sql for statement in render(schema)]


# Few names, so that they clash; some that must be quoted, one that is too long.
_NAMES = st.sampled_from(
    ["a", "b", "id", "User", 'quo"te', "select", "naïve-ß", "x; drop table a", "b" * 63, "c" * 64,
     "a_id_seq", "a_pkey", "ctid", "", "nul\0", "a b"]
)  # fmt: skip
_TYPES = st.sampled_from(
    [builtin("integer"), builtin("bigint"), builtin("text"), builtin("boolean"), builtin("uuid"),
     builtin("jsonb"), builtin("json"), builtin("point"), builtin("serial"), builtin("bigserial"),
     builtin("varchar", 10), builtin("varchar", 0), builtin("numeric", 10, 2), builtin("bytea"),
     builtin("integer", 11), builtin("timestamp with time zone", 3), builtin("date"),
     builtin("text").array(), builtin("serial").array(), builtin("int4range"), builtin("tsvector"),
     builtin("nonsense"), builtin("text); drop table a; --"), declared("mood"),
     declared("mood").array(), declared("missing"), PgType(name="varchar(5)[]", verbatim=True),
     PgType(name="circle", verbatim=True), PgType(name="int) --", verbatim=True)]
)  # fmt: skip
_DEFAULTS = st.sampled_from(
    [None, "0", "1.5", "'x'", "''", "true", "'sad'", "'sad'::mood", "'none'::mood", "now()",
     "gen_random_uuid()", "'{}'", "'[]'::jsonb", "0); drop table a; --", "'open", "(1", "1 -- x",
     "nextval('s')", "nextval('nowhere')", "NULL", "ARRAY[]::text[]", "(SELECT 1)", "'3'", "-1",
     "$tag$ x", '\'x\'::"Missing"']
)  # fmt: skip
_SOME_NAMES = st.lists(_NAMES, min_size=0, max_size=3).map(tuple)
_MAYBE_NAME = st.none() | _NAMES


@st.composite
def _columns(draw):
    return Column(
        name=draw(_NAMES),
        type=draw(_TYPES),
        nullable=draw(st.booleans()),
        evidence=EVIDENCE,
        default=draw(_DEFAULTS),
        identity=draw(st.sampled_from([None, None, None, *Identity])),
        generated=draw(st.sampled_from([None, None, None, "1", '"a"::text', "'", "now(); x"])),
        collation=draw(st.sampled_from([None, None, None, "C", "utf8mb4_bin"])),
        comment=draw(st.sampled_from([None, "it's", "\\ and \0"])),
    )


@st.composite
def _indexes(draw):
    keys = st.builds(
        IndexKey,
        column=_NAMES,
        descending=st.booleans(),
        nulls_first=st.sampled_from([None, True, False]),
    )
    return Index(
        name=draw(_MAYBE_NAME),
        keys=draw(st.lists(keys, max_size=3).map(tuple)),
        evidence=EVIDENCE,
        unique=draw(st.booleans()),
        method=draw(st.sampled_from(["btree", "btree", "hash", "gin", "gist", "brin", "odd; x"])),
        where=draw(st.sampled_from([None, None, '"a" IS NOT NULL', "("])),
        include=draw(st.just(()) | _SOME_NAMES),
        nulls_not_distinct=draw(st.booleans()),
        storage=draw(st.sampled_from([(), (), (("x; y", "1"),)])),
    )


_FOREIGN_KEYS = st.builds(
    ForeignKey,
    name=_MAYBE_NAME,
    columns=_SOME_NAMES,
    table=_NAMES,
    referenced=_SOME_NAMES,
    evidence=st.just(EVIDENCE),
    on_delete=st.sampled_from(list(Action)),
    deferrable=st.sampled_from([None, *Deferrable]),
)
_UNIQUES = st.builds(
    Unique,
    name=_MAYBE_NAME,
    columns=_SOME_NAMES,
    evidence=st.just(EVIDENCE),
    nulls_not_distinct=st.booleans(),
    deferrable=st.sampled_from([None, None, *Deferrable]),
)
_CHECKS = st.builds(
    Check,
    name=_MAYBE_NAME,
    expression=st.sampled_from(["true", '"a" IS NOT NULL', '"zz" > 1', "1); drop", "", "'"]),
    evidence=st.just(EVIDENCE),
)


def _small(strategy, most=2):
    return st.lists(strategy, max_size=most).map(tuple)


@st.composite
def _tables(draw):
    made = table(
        draw(_NAMES),
        *draw(_small(_columns(), 5)),
        primary=draw(st.none() | _SOME_NAMES),
        schema=draw(st.sampled_from([None, None, "org", "pg_catalog", "_appdb"])),
        uniques=draw(_small(_UNIQUES)),
        foreign_keys=draw(_small(_FOREIGN_KEYS)),
        checks=draw(_small(_CHECKS)),
        indexes=draw(_small(_indexes())),
    )
    name = draw(_MAYBE_NAME)
    key = made.primary_key
    return replace(made, primary_key=replace(key, name=name)) if key and name else made


@st.composite
def nonsense_schemas(draw):
    """Schemas of which most pieces could not load."""
    return Schema(
        namespaces=draw(st.sampled_from([(), (namespace("org"),), (namespace("org; x"),)])),
        enums=draw(
            st.sampled_from(
                [
                    (),
                    (enum("mood", "sad", "it's"),),
                    (enum("mood"), enum("a", "x", "x")),
                    (enum("mood", "sad"), enum("mood", "sad"), enum("b", "l" * 64)),
                ]
            )
        ),
        sequences=draw(st.sampled_from([(), (sequence("s"),), (sequence("s", "START 5; x"),)])),
        tables=draw(_small(_tables(), 4)),
        views=draw(st.sampled_from([(), (view("v", 'SELECT 1; DROP TABLE "a"'),)])),
    )
