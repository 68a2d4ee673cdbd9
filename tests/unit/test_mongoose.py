"""What the Mongoose front end makes of small sources, and what it says of the rest.

Catalogs of whole inputs are compared in tests/conformance; here stand the rules one by one, the
findings, and what may not change the answer.
"""

# ruff: noqa: E501 - small sources read best on one line

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.model.finding import Confidence, Severity
from appdb.source.analyze import AnalysisOptions, analyze
from appdb.source.bundle import bundle_of_files
from appdb.source.frameworks import mongoose
from appdb.source.frameworks.mongoose import FRONT_END
from appdb.source.frameworks.mongoose.names import plural, singular, snake_case
from appdb.source.project import Project
from appdb.source.sqltext import one_expression

HEAD = "import mongoose, { Schema, model, models, Types } from 'mongoose';\n"


def extract(files):
    if isinstance(files, str):
        files = {"models.ts": HEAD + files}
    project = Project({path: text.encode() for path, text in files.items()})
    detection = FRONT_END.detect(project)
    assert detection is not None
    return FRONT_END.extract(project, detection)


def thing(fields, options="{}", rest=""):
    return extract(
        f"const schema = new Schema({{ {fields} }}, {options}); {rest}; model('Thing', schema); model('User', new Schema({{ name: String }}));"
    )


def table(extraction, name="things"):
    return next(t for t in extraction.schema.tables if t.name == name)


def shape(extraction, name="things"):
    return {c.name: c.type.sql for c in table(extraction, name).columns if c.name != "id"}


def codes(extraction):
    return {finding.code.removeprefix("MONGOOSE_") for finding in extraction.findings}


TYPES = {
    "a: String": {"a": "text"},
    "a: 'string'": {"a": "text"},
    "a: { type: Number }": {"a": "double precision"},
    "a: Boolean, b: 'Bool'": {"a": "boolean", "b": "boolean"},
    "a: Date": {"a": "timestamp with time zone"},
    "a: Buffer": {"a": "bytea"},
    "a: BigInt": {"a": "bigint"},
    "a: Schema.Types.Int32": {"a": "integer"},
    "a: mongoose.Types.Decimal128": {"a": "numeric"},
    "a: mongoose.SchemaTypes.UUID": {"a": "uuid"},
    "a: mongoose.Types.ObjectId, b: Schema.ObjectId, c: 'ObjectId'": {"a": "text", "b": "text", "c": "text"},
    "a: {}, b: Object, c: Map, d: Schema.Types.Mixed, e: []": dict.fromkeys("abcde", "jsonb"),
    "a: [String], b: [{ type: Date }], c: { type: [Number] }": {"a": "text[]", "b": "timestamp with time zone[]", "c": "double precision[]"},
    "a: [[Number]], b: [{ c: String }], d: [Schema.Types.Mixed], e: Array": dict.fromkeys("abde", "jsonb"),
    "a: { b: String, c: { d: Number } }": {"a_b": "text", "a_c_d": "double precision"},
    "a: { type: String }": {"a": "text"},
    "type: String": {"type": "text"},
    "a: { type: { type: String }, b: Number }": {"a_type": "text", "a_b": "double precision"},
    "a: { type: { b: String } }": {"a": "jsonb"},
    "a: new Schema({ b: String })": {"a": "jsonb"},
    "a: [new Schema({ b: String })]": {"a": "jsonb"},
    "a: { type: Array, of: String }": {"a": "text[]"},
    "a: String || Number": {"a": "text"},
    "fooBar: String, HTMLBody: String, userID: String": {"foo_bar": "text", "html_body": "text", "user_id": "text"},
}  # fmt: skip


@pytest.mark.parametrize(("fields", "columns"), TYPES.items(), ids=TYPES)
def test_a_path_becomes_the_column_of_its_type(fields, columns):
    assert columns == shape(thing(fields))


OPTIONS = {
    "timestamps": ("{ timestamps: true }", {"created_at", "updated_at"}),
    "renamed": ("{ timestamps: { createdAt: 'made' } }", {"made", "updated_at"}),
    "only one": ("{ timestamps: { updatedAt: false } }", {"created_at"}),
    "off": ("{ timestamps: false, versionKey: false }", set()),
}


@pytest.mark.parametrize(("options", "columns"), OPTIONS.values(), ids=OPTIONS)
def test_timestamps_add_what_they_say(options, columns):
    assert {"a", *columns} == set(shape(thing("a: String", options)))


CHANGES = {
    "add": ("schema.add({ b: Number })", {"a", "b"}),
    "add of a schema": ("schema.add(new Schema({ b: { c: Number } }))", {"a", "b_c"}),
    "prefix": ("schema.add({ b: Number }, 'x.')", {"a", "x_b"}),
    "path": ("schema.path('b', String)", {"a", "b"}),
    "remove": ("schema.remove('a')", set()),
    "set": ("schema.set('timestamps', true)", {"a", "created_at", "updated_at"}),
    "chain": ("schema.index({ a: 1 }).add({ b: String })", {"a", "b"}),
    "own plugin": ("schema.plugin((s, o) => { s.add({ [o.key]: Date }) }, { key: 'at' })", {"a", "at"}),
    "helper": ("function more(s) { s.add({ b: String }) } more(schema)", {"a", "b"}),
    "loop": ("for (const k of ['b', 'c']) { schema.add({ [k]: String }) }", {"a", "b", "c"}),
    "forEach": ("[schema].forEach((s) => s.add({ b: String }))", {"a", "b"}),
    "virtual": ("schema.virtual('v').get(() => 1); schema.methods.m = () => 1", {"a"}),
    "mongoose-delete": ("schema.plugin(require('mongoose-delete'), { deletedAt: true })", {"a", "deleted", "deleted_at"}),
    "paginate": ("schema.plugin(require('mongoose-paginate-v2'))", {"a"}),
}  # fmt: skip


@pytest.mark.parametrize(("change", "columns"), CHANGES.values(), ids=CHANGES)
def test_what_is_done_to_a_schema_later_counts(change, columns):
    assert columns == set(shape(thing("a: String", rest=change)))


REQUIRED = {
    "true": False, "[true, 'why']": False, "'why'": False, "false": True, "[false]": True,
    "() => true": True, "function () { return this.b }": True,
}  # fmt: skip


@pytest.mark.parametrize(("required", "nullable"), REQUIRED.items(), ids=REQUIRED)
def test_only_what_is_always_required_is_not_null(required, nullable):
    found = thing(f"a: {{ type: String, required: {required} }}")

    assert nullable is table(found).columns[0].nullable


DEFAULTS = {
    "type: String, default: 'it\\'s'": "'it''s'",
    "type: Number, default: -1.5": "-1.5",
    "type: Number, default: '7'": "7",
    "type: Boolean, default: false": "false",
    "type: Date, default: Date.now": None,
    "type: Date, default: '2020-01-02'": "'2020-01-02T00:00:00Z'",
    "type: String, default: () => 'x'": None,
    "type: String, default: null": None,
    "type: [String], default: ['a']": "ARRAY['a']::text[]",
    "type: Object, default: { a: [1] }": "'{\"a\": [1]}'::jsonb",
    "type: Schema.Types.Int32, default: 3000000000": None,
    "type: Schema.Types.UUID, default: 'no'": None,
    "type: Number, default: Infinity": None,
    "type: String, default: '\\0'": None,
}


@pytest.mark.parametrize(("options", "default"), DEFAULTS.items(), ids=DEFAULTS)
def test_a_literal_default_is_cast_as_mongoose_casts_it(options, default):
    assert default == table(thing(f"a: {{ {options} }}")).columns[0].default


ENUMS = [
    "['a', 'b']",
    "{ values: ['a', 'b'], message: 'no' }",
    "E",
    "Object.values(E)",
    "[E.A, E.B, null]",
]


@pytest.mark.parametrize("enum", ENUMS)
def test_an_enum_of_texts_is_a_check(enum):
    found = thing(f"a: {{ type: String, enum: {enum} }}", rest="enum E { A = 'a', B = 'b' }")

    assert ["\"a\" IN ('a', 'b')"] == [check.expression for check in table(found).checks]


REFS = ["'User'", "() => 'User'", "User", "() => User", "User.modelName"]


@pytest.mark.parametrize("ref", REFS)
def test_a_ref_is_a_foreign_key_however_it_is_written(ref):
    found = extract(
        "const User = models.User || model('User', new Schema({ _id: Number }));"
        f"model('Thing', new Schema({{ by: {{ type: Number, ref: {ref} }} }}));"
        if "modelName" not in ref
        else "const User = model('User', new Schema({ _id: Number }));"
        f"model('Thing', new Schema({{ by: {{ type: Number, ref: {ref} }} }}));"
    )

    assert ["users"] == [key.table for key in table(found).foreign_keys]
    assert {"by": "integer"} == shape(found)


def test_an_array_of_refs_is_a_join_table():
    found = thing("a: { owners: [{ type: Types.ObjectId, ref: 'User' }] }")

    assert {} == shape(found)
    assert {"thing_id": "text", "user_id": "text"} == shape(found, "things_a_owners")
    assert ("thing_id", "user_id") == table(found, "things_a_owners").primary_key.columns


LEFT_ALONE = {
    "unknown model": ("a: { type: Types.ObjectId, ref: 'Gone' }", "text", "REF"),
    "unknown model of many": ("a: [{ type: Types.ObjectId, ref: 'Gone' }]", "text[]", "REF"),
    "refPath": ("a: { type: Types.ObjectId, refPath: 'kind' }", "text", "REF_PATH"),
    "environment": ("a: { type: Types.ObjectId, ref: process.env.M }", "text", "REF"),
}


@pytest.mark.parametrize(("fields", "type_", "code"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_ref_without_a_table_is_a_plain_column_with_a_finding(fields, type_, code):
    found = thing(fields)

    assert ({"a": type_}, ()) == (shape(found), table(found).foreign_keys)
    assert code in codes(found)


INDEXES = {
    "a: { type: String, unique: true }": [(("a",), True, None)],
    "a: { type: String, index: true, unique: true }": [(("a",), True, None)],
    "a: [{ type: String, index: true }]": [(("a",), False, None)],
    "a: { type: String, sparse: true }": [(("a",), False, None)],
    "a: { type: String, index: { unique: true, partialFilterExpression: { a: { $exists: true } } } }": [(("a",), True, '"a" IS NOT NULL')],
    "a: { type: String, index: { unique: true, partialFilterExpression: { a: /x/ } } }": [],
    "a: { type: Date, expires: 60 }": [(("a",), False, None)],
    "a: { type: String, text: true }": [],
    "a: { type: [Number], index: '2dsphere' }": [],
}  # fmt: skip


@pytest.mark.parametrize(("fields", "indexes"), INDEXES.items(), ids=INDEXES)
def test_paths_bring_their_indexes(fields, indexes):
    found = table(thing(fields)).indexes

    assert indexes == [(tuple(k.column for k in i.keys), i.unique, i.where) for i in found]


WAYS = {
    "model": "model('Thing', new Schema({ a: String }))",
    "of mongoose": "mongoose.model('Thing', mongoose.Schema({ a: String }))",
    "once": "export const Thing = models.Thing || model('Thing', new Schema({ a: String }))",
    "by a condition": "export default models.Thing ? models.Thing : model('Thing', new Schema({ a: String }))",
    "connection": "const c = mongoose.createConnection('x'); export const Thing = c.model('Thing', new Schema({ a: String }))",
    "injected": "export default (db) => db.model('Thing', new db.Schema({ a: String })); new Schema({})",
    "renamed import": "import { model as define } from 'mongoose'; define('Thing', new Schema({ a: String }))",
    "wrapper": "const make = (n, d) => { const s = new Schema(d); return model(n, s); }; export default make('Thing', { a: String })",
    "loop": "for (const [n, s] of Object.entries({ Thing: new Schema({ a: String }) })) model(n, s)",
    "plain object": "mongoose.model('Thing', { a: String }); new Schema({})",
    "class": "class Base extends Schema { constructor(d) { super({ ...d }, {}); } } model('Thing', new Base({ a: String })); new Schema({})",
    "obj": "const base = new Schema({ a: String }); model('Thing', new Schema({ ...base.obj }))",
    "clone": "const base = new Schema({ a: String }); const s = base.clone(); base.add({ b: String }); model('Thing', base.pick(['a']))",
    "pick": "const base = new Schema({ a: String, b: String }); model('Thing', base.omit(['b']))",
    "lodash": "import _ from 'lodash'; model('Thing', new Schema(_.defaults({ a: String }, {})))",
    "common js": "const { Schema: S, model: m } = require('mongoose'); module.exports = mongoose.model('Thing', new S({ a: String }))",
}  # fmt: skip


@pytest.mark.parametrize("source", WAYS.values(), ids=WAYS)
def test_a_model_is_met_however_it_is_made(source):
    assert {"a": "text"} == shape(extract(source))


def test_a_discriminator_shares_the_table_of_its_base():
    found = extract(
        "const Base = model('Base', new Schema({ a: { type: String, required: true } }, { discriminatorKey: 'kind' }));"
        "Base.discriminator('Kid', new Schema({ b: { type: String, required: true, unique: true } }), 'k');"
        "model('Other', new Schema({ kid: { type: Types.ObjectId, ref: 'Kid' } }));"
    )

    assert ["bases", "others"] == [t.name for t in found.schema.tables]
    assert {"a": False, "id": False, "kind": True, "b": True} == {
        c.name: c.nullable for c in table(found, "bases").columns
    }
    assert ["\"kind\" = 'k'"] == [index.where for index in table(found, "bases").indexes]
    assert ["bases"] == [key.table for key in table(found, "others").foreign_keys]


UNKNOWN = {
    "schema from elsewhere": ("import s from './gone'; model('Gone', s); new Schema({})", "MODEL", 0),
    "name from the environment": ("model(process.env.NAME, new Schema({ a: String }))", "MODEL", 0),
    "wrapper without a caller": ("export const make = (n) => model(n, new Schema({}))", "MODEL", 0),
    "type of another package": ("import P from 'phone'; model('A', new Schema({ a: P, b: String }))", "PATH", 1),
    "type from elsewhere": ("import P from './phone'; model('A', new Schema({ a: P }))", "PATH", 1),
    "spread from elsewhere": ("import p from './p'; model('A', new Schema({ ...p, b: String }))", "UNREAD", 1),
    "plugin of another package": ("import p from 'p'; const s = new Schema({}); s.plugin(p); model('A', s)", "PLUGIN", 1),
    "declared twice": ("model('A', new Schema({ a: String })); model('A', new Schema({ b: String }))", "TWICE", 1),
    "one collection": ("model('A', new Schema({}), 'c'); model('B', new Schema({}), 'c')", "SHARED", 1),
    "one column": ("model('A', new Schema({ fooBar: String, foo_bar: String }))", "COLUMN", 1),
    "discriminator of nothing": ("import B from './b'; B.discriminator('K', new Schema({}))", "DISCRIMINATOR", 0),
}  # fmt: skip


@pytest.mark.parametrize(("source", "code", "tables"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_understood_is_a_finding_and_never_a_guess(source, code, tables):
    found = extract(source)

    assert (code in codes(found), tables) == (True, len(found.schema.tables))


def test_a_broken_file_blocks_the_schema():
    found = extract("const s = new Schema({ a: String, ; model('A', s")

    assert Severity.ERROR in {f.severity for f in found.findings if f.code == "MONGOOSE_SYNTAX"}


NEST = (
    "import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';\n"
    "@Schema({ _id: false }) class Part { @Prop() a: string; }\n"
    "@Schema() export class Cat { @Prop({ required: true }) name: string; @Prop() age: number; @Prop([String]) tags: string[];"
    " @Prop() part: Part; @Prop({ type: [Part] }) parts: Part[]; @Prop({ enum: ['a'] }) kind: 'a'; @Prop() bad: any; }\n"
    "export const PartSchema = SchemaFactory.createForClass(Part);\n"
    "export const CatSchema = SchemaFactory.createForClass(Cat);\n"
)


def test_a_class_of_nest_that_no_module_registers_is_an_assumption():
    found = extract({"cat.schema.ts": NEST})

    assert {"name": "text", "age": "double precision", "tags": "text[]", "part": "jsonb", "parts": "jsonb", "kind": "text"} == shape(found, "cats")  # fmt: skip
    assert {"ASSUMED_MODEL", "PATH"} == codes(found)
    assert [Confidence.ASSUMED] == [t.evidence.confidence for t in found.schema.tables]


def test_a_class_of_nest_that_a_module_registers_is_a_model():
    module = "import { Cat, CatSchema } from './cat.schema'; MongooseModule.forFeature([{ name: Cat.name, schema: CatSchema, collection: 'kittens' }]);"

    found = extract({"cat.schema.ts": NEST, "app.module.ts": module})

    assert [("kittens", Confidence.EXACT)] == [
        (t.name, t.evidence.confidence) for t in found.schema.tables
    ]


def test_facts_say_how_sure_they_are():
    found = thing("a: String, b: { type: Types.ObjectId, ref: 'User' }", "{ timestamps: true }")

    sure = {c.name: c.evidence.confidence for c in table(found).columns}
    assert sure == {
        "a": Confidence.EXACT, "b": Confidence.EXACT, "id": Confidence.DERIVED,
        "created_at": Confidence.DERIVED, "updated_at": Confidence.DERIVED,
    }  # fmt: skip
    assert table(found).foreign_keys[0].evidence.confidence is Confidence.DERIVED


PLURALS = {
    "person": "people", "child": "children", "category": "categories", "key": "keys", "box": "boxes",
    "status": "status", "order_status": "order_statuses", "media": "media", "bus": "buses",
    "analysis": "analyses", "leaf": "leafs", "users": "users", "team2": "team2", "index": "indexes",
    "human": "humans", "datum": "data", "quiz": "quizzes", "news": "news", "mouse": "mice",
}  # fmt: skip


@pytest.mark.parametrize(("one", "many"), PLURALS.items(), ids=PLURALS)
def test_plurals_are_those_of_mongoose(one, many):
    assert many == plural(one)


def test_singulars_undo_plain_plurals():
    words = ("friends", "categories", "boxes", "people", "status", "class")

    assert ["friend", "category", "box", "person", "status", "class"] == [
        singular(w) for w in words
    ]


@given(st.text(max_size=30))
def test_snake_case_is_stable(name):
    assert snake_case(snake_case(name)) == snake_case(name)


CASES = Path(__file__).parents[1] / "conformance" / "cases"


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.glob("*mongoose*")))
def test_the_order_of_files_does_not_matter(case):
    paths = [p for p in (CASES / case).rglob("*") if p.is_file()]
    files = {str(p.relative_to(CASES / case)): p.read_bytes() for p in paths}
    shuffled = dict(random.Random(7).sample(sorted(files.items()), len(files)))

    first, second = (analyze(bundle_of_files(each)) for each in (files, shuffled))

    assert [s.sql for s in first.statements] == [s.sql for s in second.statements]


@pytest.mark.parametrize("change", ["crlf", "comments", "tabs"])
@pytest.mark.parametrize("case", sorted(p.name for p in CASES.glob("*mongoose*")))
def test_the_form_of_the_text_does_not_matter(case, change):
    paths = [p for p in (CASES / case).rglob("*") if p.is_file()]
    files = {str(p.relative_to(CASES / case)): p.read_text() for p in paths}
    forms = {
        "crlf": lambda text: text.replace("\n", "\r\n"),
        "comments": lambda text: (
            "// first\n" + text.replace("{ type:", "/* , */ { type:") + "// }\n"
        ),
        "tabs": lambda text: text.replace("  ", "\t"),
    }
    changed = {path: forms[change](text) for path, text in files.items()}

    first, second = (
        analyze(bundle_of_files({path: text.encode() for path, text in each.items()}))
        for each in (files, changed)
    )

    assert {s.sql for s in first.statements} == {s.sql for s in second.statements}


def js(text):
    return "'" + "".join(f"\\u{{{ord(char):x}}}" for char in text) + "'"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_name_or_text_breaks_a_statement(name, text, path):
    source = (
        f"const s = new Schema({{ [{js(path)}]: {{ type: String, enum: [{js(text)}], default: {js(text)}, unique: true }} }});"
        f"s.index({{ [{js(path)}]: 1 }}, {{ unique: true, partialFilterExpression: {{ [{js(path)}]: {js(text)} }} }});"
        f"const B = model({js(name)}, s, {js(name)}); B.discriminator({js(text)}, new Schema({{ x: {{ type: Number, unique: true }} }}));"
        "model('Fine', new Schema({ a: String }));"
    )

    found = analyze(
        bundle_of_files({"models.ts": (HEAD + source).encode()}),
        AnalysisOptions(framework="Mongoose"),
    )

    assert all(one_expression(statement.sql) is not None for statement in found.statements)


HOSTILE = {
    "deep nesting": "model('A', new Schema({ a: " + "{ b: " * 400 + "String" + " }" * 400 + " }));",
    "deep arrays": "model('A', new Schema({ a: " + "[" * 400 + "String" + "]" * 400 + " }));",
    "schema in itself": "const s = new Schema({ a: String }); s.add({ kids: [s] }); s.add(s); model('A', s);",
    "spread of itself": "const d = { ...d, a: String }; model('A', new Schema(d));",
    "plugin that plugs itself": "function p(s) { s.plugin(p); s.add({ a: String }); } const s = new Schema({}); s.plugin(p); model('A', s);",
    "helper that calls itself": "function make(n, s) { return make(n, s) || model(n, s); } make('A', new Schema({ a: String }));",
    "loops that plug themselves": "function p(s, o) { for (const i of [1, 2, 3, 4, 5, 6, 7, 8, 9]) for (const j of [1, 2, 3, 4, 5, 6, 7, 8, 9]) { s.plugin(p, o); s.add({ ['f' + i + j]: String }); } } const s = new Schema({}); s.plugin(p, 1); model('A', s);",
    "model of itself": "const A = A.discriminator('B', new Schema({})); model('A', new Schema({}));",
    "discriminator circle": "const A = model('A', new Schema({})); A.discriminator('B', new Schema({})); model('B').discriminator('A', new Schema({}));",
    "key circle": "model('A', new Schema({ _id: { type: String, ref: 'B' } })); model('B', new Schema({ _id: { type: String, ref: 'A' } }));",
    "class of itself": "class S extends S {} model('A', new S({ a: String })); new Schema({});",
    "prototype": "model('__proto__', new Schema({ __proto__: String, constructor: Number }));",
}  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_source_ends_in_findings_or_a_sound_schema(source):
    extract(source)


EXAMPLE = Path(__file__).parents[2] / "examples" / "mongoose"
# Apart from the manifests: `kubectl apply -f` would take package.json for one.
APP = EXAMPLE / "app"


def example_files():
    return sorted(p for p in APP.rglob("*") if p.suffix in {".js", ".json"})


def test_the_example_is_understood_whole():
    found = extract({str(p.relative_to(APP)): p.read_text() for p in example_files()})

    assert {"INDEX_KIND"} == codes(found)
    assert 8 == len(found.schema.tables)


def test_the_example_is_published_as_it_stands():
    published = yaml.safe_load((EXAMPLE / "source.yaml").read_text())["data"]

    assert published == {
        str(p.relative_to(APP)).replace("/", "__"): p.read_text() for p in example_files()
    }


def test_every_code_is_documented():
    sources = Path(mongoose.__file__).parent.glob("*.py")
    call = r'\.(?:warn|info|error)\(\s*"([A-Z_]+)"'
    used = {code for path in sources for code in re.findall(call, path.read_text())}
    documented = (EXAMPLE.parents[1] / "docs" / "support.md").read_text()

    assert {"UNREAD"} <= used
    assert {code for code in used if f"`MONGOOSE_{code}`" not in documented} == set()


MADE_ELSEWHERE = {
    "helper": "function make(fields) { const s = new Schema(fields); s.add({ extra: Date }); "
    "s.index({ extra: 1 }); s.pre('save', () => {}); s.methods.f = () => {}; return s; }\n"
    "model('Thing', make({ name: String })); model('Other', make({ title: String }));",
    "class": "class Own extends Schema { constructor(fields) { super(fields); "
    "this.add({ extra: Date }); this.index({ extra: 1 }); } }\n"
    "const s = new Own({ name: String }); s.index({ name: 1 }); model('Thing', s);\n"
    "model('Other', new Own({ title: String }));",
    "plugin of every schema": "mongoose.plugin((s) => { s.add({ extra: Date }); "
    "s.index({ extra: 1 }); });\nmodel('Thing', new Schema({ name: String }));\n"
    "model('Other', new Schema({ title: String }));",
}


@pytest.mark.parametrize("case", MADE_ELSEWHERE)
def test_what_a_helper_a_class_or_every_schema_adds_is_met(case):
    extraction = extract({"a.ts": HEAD + MADE_ELSEWHERE[case]})

    assert extraction.findings == ()
    for name, field in (("things", "name"), ("others", "title")):
        made = table(extraction, name)
        assert {column.name for column in made.columns} == {"id", field, "extra"}
        assert ["extra"] in [[key.column for key in index.keys] for index in made.indexes]
