"""What the TypeORM front end says of sources that TypeORM itself could not show as catalogs.

The catalogs that TypeORM makes are compared in tests/conformance; here stand the findings, the
cases that TypeORM refuses, and what may not change the answer.
"""

# ruff: noqa: E501 - small sources read best on one line

import random
import re
from pathlib import Path

import pytest
import yaml

from appdb.model.finding import Confidence, Severity
from appdb.source.frameworks import typeorm
from appdb.source.frameworks.typeorm import FRONT_END
from appdb.source.project import Project

HEAD = "import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';\n"


def extract(files):
    if isinstance(files, str):
        files = {"entities.ts": HEAD + files}
    project = Project({path: text.encode() for path, text in files.items()})
    detection = FRONT_END.detect(project)
    assert detection is not None
    return FRONT_END.extract(project, detection)


def an_entity(members, name="Thing"):
    return f"@Entity() export class {name} {{ @PrimaryGeneratedColumn() id: number; {members} }}\n"


def column(extraction, name):
    return next(c for t in extraction.schema.tables for c in t.columns if c.name == name)


def columns(extraction):
    return [c.name for table in extraction.schema.tables for c in table.columns]


def codes(extraction):
    return {finding.code for finding in extraction.findings}


LEFT_OUT = {
    "type from a package": ("@Column() a: Decimal;", "TYPEORM_TYPE"),
    "type that reflects as Object": ("@Column() a: { b: string };", "TYPEORM_TYPE"),
    "type of any": ("@Column() a: any;", "TYPEORM_TYPE"),
    "buffer without a type": ("@Column() a: Buffer;", "TYPEORM_TYPE"),
    "unheard-of type": ("@Column('blubb' as any) a: string;", "TYPEORM_TYPE"),
    "enum from a missing file": (
        "@Column({type: 'enum', enum: Gone}) a: string;",
        "TYPEORM_UNREAD",
    ),
    "options from the environment": (
        "@Column(process.env.OPTS as any) a: string;",
        "TYPEORM_UNREAD",
    ),
    "type by a condition": (
        "@Column({type: process.env.X ? 'json' : 'text'}) a: string;",
        "TYPEORM_UNREAD",
    ),
    "relation to no entity": ("@ManyToOne(() => Missing) a: object;", "TYPEORM_UNREAD"),
    "options spread from elsewhere": ("@Column({...window.x}) a: string;", "TYPEORM_UNREAD"),
}


@pytest.mark.parametrize("case", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_not_understood_is_left_out_and_told(case):
    member, code = case
    source = {
        "entities.ts": HEAD
        + "import { Gone } from './gone'; import Decimal from 'decimal.js';\n"
        + an_entity(member + " @Column() kept: string;")
    }

    found = extract(source)

    assert ["id", "kept"] == columns(found)
    assert code in codes(found)
    assert all(f.span.path == "entities.ts" and f.span.line > 1 for f in found.findings)


OPEN = {
    "table name": "import { T } from '@acme/names'; @Entity(T.user) export class A { @PrimaryGeneratedColumn() id: number }",
    "table name in options": "import { T } from '@acme/names'; @Entity({name: T.user}) export class A { @PrimaryGeneratedColumn() id: number }",
    "column name": "import { C } from '@acme/names'; @Entity() export class A { @PrimaryGeneratedColumn({name: C.id}) id: number }",
}  # fmt: skip


@pytest.mark.parametrize("source", OPEN.values(), ids=OPEN)
def test_name_from_another_package_is_never_replaced_by_a_derived_one(source):
    found = extract(source)

    assert [] == columns(found)
    assert {"TYPEORM_UNREAD", "TYPEORM_LEFT_OUT"} <= codes(found)


def test_unknown_default_is_left_out_but_the_column_stays():
    found = extract(an_entity("@Column({default: process.env.NAME}) a: string;"))

    assert column(found, "a").default is None
    assert {"TYPEORM_UNREAD"} == codes(found)


def test_column_that_may_be_nullable_takes_null():
    found = extract(an_entity("@Column({nullable: process.env.X}) a: string;"))

    assert column(found, "a").nullable
    assert {"TYPEORM_UNREAD"} == codes(found)


def test_types_of_other_databases_keep_their_values():
    words = {
        "datetime": "timestamp without time zone",
        "tinyint": "smallint",
        "longtext": "text",
        "double": "double precision",
        "blob": "bytea",
        "nvarchar": "character varying",
    }
    members = "".join(f"@Column('{word}') c{n}: any;" for n, word in enumerate(words))

    found = extract(an_entity(members))

    assert list(words.values()) == [column(found, f"c{n}").type.name for n in range(len(words))]
    assert {"TYPEORM_TYPE"} == codes(found)


def test_length_of_a_type_that_takes_none_is_left_out():
    found = extract(an_entity("@Column('int', {length: 11, width: 4}) a: number;"))

    assert "integer" == column(found, "a").type.sql
    assert {"TYPEORM_TYPE"} == codes(found)


def test_default_with_a_quote_cannot_end_the_text():
    found = extract(an_entity("""@Column({default: "x'); DROP TABLE t; --"}) a: string;"""))

    assert "'x''); DROP TABLE t; --'" == column(found, "a").default


def test_two_entities_of_one_table_are_told():
    found = extract(an_entity("", "Thing") + an_entity("@Column() x: string;", "thing"))

    assert 1 == len(found.schema.tables)
    assert {"TYPEORM_TABLE_TWICE"} == codes(found)


HIDDEN_COLUMNS = {
    "of a package": "import { Tracked } from '@acme/orm';\n@Entity() export class A { @PrimaryGeneratedColumn() id: number; @Tracked() a: string }",
    "kept in a registry": "const seen = new Map();\nfunction Money() { return (target: object, key: string) => { seen.set(target, key); }; }\n@Entity() export class A { @PrimaryGeneratedColumn() id: number; @Money() a: number }",
}


@pytest.mark.parametrize("source", HIDDEN_COLUMNS.values(), ids=HIDDEN_COLUMNS)
def test_field_that_another_decorator_may_make_a_column_is_told(source):
    extraction = extract(source)

    assert codes(extraction) == {"TYPEORM_DECORATOR"}
    assert extraction.schema.tables[0].evidence.confidence is Confidence.ASSUMED


def test_decorators_that_only_check_or_show_a_field_are_no_remark():
    extraction = extract(
        "import { IsEmail } from 'class-validator';\nimport { Expose as Shown } from 'class-transformer';\n"
        "const Visible = () => Shown();\n"
        + an_entity("@IsEmail() @Column() a: string; @Shown() b: string; @Visible() c: string;")
    )

    assert extraction.findings == ()


def test_what_could_not_be_read_makes_the_facts_assumed():
    extraction = extract(
        an_entity(
            "@Column({ length: process.env.N, type: 'varchar' }) a: string; @Column() b: string;"
        )
        + "@Entity() export class Other { @PrimaryGeneratedColumn() id: number; "
        "@ManyToOne(() => Thing, { onDelete: process.env.RULE }) thing: Thing }"
    )
    (key,) = next(t for t in extraction.schema.tables if t.foreign_keys).foreign_keys

    assert column(extraction, "a").evidence.confidence is Confidence.ASSUMED
    assert column(extraction, "b").evidence.confidence is Confidence.EXACT
    assert key.evidence.confidence is Confidence.ASSUMED


def test_names_of_an_unknown_strategy_are_assumed():
    extraction = extract(
        {
            "a.ts": HEAD + an_entity("@Column() a: string;"),
            "data-source.ts": "import { DataSource } from 'typeorm';\nimport { House } from '@acme/naming';\n"
            "export default new DataSource({ type: 'postgres', namingStrategy: new House() });\n",
        }
    )

    assert codes(extraction) == {"TYPEORM_NAMING"}
    assert column(extraction, "a").evidence.confidence is Confidence.ASSUMED


def test_class_that_is_exported_apart_is_read_once():
    extraction = extract(
        "@Entity('a') class A { @PrimaryGeneratedColumn() id: number }\nexport { A as B };"
    )

    assert [table.name for table in extraction.schema.tables] == ["a"]
    assert extraction.findings == ()


def test_missing_base_class_is_told_with_its_place():
    source = "import { Base } from '@acme/base';\n@Entity() export class A extends Base { @Column() a: string }"

    found = extract({"a.ts": HEAD + source})

    assert {"TYPEORM_BASE", "TYPEORM_PRIMARY_KEY"} == codes(found)


def test_file_that_does_not_parse_and_declares_entities_is_an_error():
    source = an_entity("@Column() a: string;") + "@Entity() class Broken { @Column( { b: string\n"

    found = extract(source)

    assert any(f.severity is Severity.ERROR for f in found.findings)
    assert any(f.code == "TYPEORM_SYNTAX" and f.span.line >= 2 for f in found.findings)


def test_entity_made_inside_a_function_is_told():
    source = (
        an_entity("")
        + "export function make() { @Entity() class Inner { @Column() a: string } return Inner }"
    )

    assert "TYPEORM_NESTED" in codes(extract(source))


def test_naming_strategy_of_an_unknown_package_is_told():
    config = "import { Odd } from 'odd-naming'; export default { type: 'postgres', host: 'x', namingStrategy: new Odd() }"

    found = extract({"a.ts": HEAD + an_entity(""), "config.ts": config})

    assert "TYPEORM_NAMING" in codes(found)


def test_entities_of_another_orm_are_not_claimed():
    project = Project(
        {"a.ts": b"import { Entity, Property } from '@mikro-orm/core'; @Entity() export class A {}"}
    )

    assert FRONT_END.detect(project) is None


def test_version_comes_from_the_manifest():
    files = {
        "a.ts": (HEAD + an_entity("")).encode(),
        "package.json": b'{"dependencies": {"typeorm": "~1.0.2"}}',
    }

    assert "1.0" == FRONT_END.detect(Project(files)).version


def test_every_column_says_where_it_was_declared():
    found = extract("\n" + an_entity("\n@Column()\n name: string;"))

    evidence = column(found, "name").evidence
    assert ("entities.ts", 5) == (evidence.span.path, evidence.span.line)
    assert Confidence.EXACT is evidence.confidence
    assert "typeorm.column" == evidence.rule


SHOP = {
    "base.ts": "import { PrimaryGeneratedColumn } from 'typeorm';\nexport abstract class Base { @PrimaryGeneratedColumn('uuid') id: string }\n",
    "user.ts": HEAD + "import { Base } from './base';\nimport { Order } from './order';\n@Entity() export class User extends Base { @Column() name: string; @OneToMany(() => Order, (o) => o.user) orders: Order[] }\n",
    "order.ts": HEAD + "import { Base } from './base';\nimport { User } from './user';\nexport enum State { A = 'a', B = 'b' }\n@Entity() export class Order extends Base { @Column({type: 'enum', enum: State}) state: State;\n @ManyToOne(() => User, (u) => u.orders) user: User }\n",
}  # fmt: skip


def facts(extraction):
    """The schema without places: what must not change when a source is only rewritten."""
    return sorted(
        (
            table.name,
            tuple((c.name, c.type.sql, c.nullable, c.default) for c in table.columns),
            tuple(key.name for key in table.foreign_keys),
        )
        for table in extraction.schema.tables
    )


def commented(text):
    return "/* head */ // line\n" + text.replace("{ ", "{ /* c */ ").replace(";\n", "; // end\n")


REWRITES = {
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "tabs": lambda text: text.replace(" @", "\t\t@"),
    "comments": commented,
    "unused types": lambda text: text + "type Unused = { a: string }; interface Other { b: number }\n",
    "byte order mark": lambda text: "\ufeff" + text,
}  # fmt: skip


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
def test_rewriting_the_text_changes_nothing(rewrite):
    assert facts(extract(SHOP)) == facts(extract({p: rewrite(t) for p, t in SHOP.items()}))


def test_order_of_the_files_changes_nothing():
    items = list(SHOP.items())
    random.Random(7).shuffle(items)

    assert extract(SHOP) == extract(dict(items))


HOSTILE = {
    "recursive embedded": "export class E { @Column(() => E) e: E }" + an_entity("@Column(() => E) e: E;"),
    "class that extends itself": "@Entity() export class A extends A { @Column() a: string }",
    "decorator that applies itself": "const D = () => (t, k) => { D()(t, k) };" + an_entity("@D() a: string;"),
    "name with quotes": """@Entity('a"b') export class A { @PrimaryGeneratedColumn({name: 'i"d'}) id: number }""",
    "brackets": an_entity("@Column(" + "[" * 3000 + "]" * 3000 + ") a: string;"),
    "huge numbers": an_entity("@Column({length: '" + "9" * 5000 + "', precision: 1e999}) a: string;"),
    "cyclic spread": "const a = {...b}; const b = {...a};" + an_entity("@Column(a) a: string;"),
}  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_source_ends_in_findings_or_a_sound_schema(source):
    extract(source)


EXAMPLE = Path(__file__).parents[2] / "examples" / "typeorm"
# Apart from the manifests: `kubectl apply -f` would take package.json for one.
APP = EXAMPLE / "app"


def test_the_example_is_understood_whole():
    paths = sorted(p for p in APP.rglob("*") if p.suffix in {".ts", ".json"})

    found = extract({str(p.relative_to(APP)): p.read_text() for p in paths})

    assert () == found.findings
    assert 11 == len(found.schema.tables)


def test_the_example_is_published_as_it_stands():
    published = yaml.safe_load((EXAMPLE / "source.yaml").read_text())["data"]

    for key, text in published.items():
        assert (APP / key.replace("__", "/")).read_text() == text
    assert len(published) == len([p for p in APP.rglob("*") if p.suffix in {".ts", ".json"}])


def test_every_code_is_documented():
    sources = (Path(typeorm.__file__).parent).glob("*.py")
    used = {c for p in sources for c in re.findall(r'\.add\(\s*"([A-Z_]+)"', p.read_text())} | {
        "UNREAD"
    }
    documented = (EXAMPLE.parents[1] / "docs" / "support.md").read_text()

    assert {code for code in used if f"`TYPEORM_{code}`" not in documented} == set()
