"""A database's schema as normalized data: facts only, in a stable order.

The form of the files in `expected/`, which were read from databases that the ORMs' own
tools had made.
"""

import re

import psycopg

SYSTEM = "('pg_catalog', 'information_schema', 'pg_toast')"
ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
KINDS = {"r": "table", "p": "table", "v": "view", "m": "matview", "f": "foreign"}

TABLES = f"""
select c.oid, n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r','p','v','m','f') and n.nspname not in {SYSTEM}
  and n.nspname not like 'pg_temp%%' and not c.relispartition
  and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass
                  and d.objid = c.oid and d.deptype = 'e')
order by 2, 3"""

COLUMNS = """
select a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
       pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname),
       case when a.attcollation <> t.typcollation then co.collname end
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_collation co on co.oid = a.attcollation
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum"""

CONSTRAINTS = """
select k.conname, k.contype::text,
       array(select attname::text from unnest(k.conkey) with ordinality u(n, i)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by i),
       fn.nspname, f.relname,
       array(select attname::text from unnest(k.confkey) with ordinality u(n, i)
             join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by i),
       k.confdeltype::text, k.confupdtype::text, k.condeferrable, k.condeferred,
       pg_get_constraintdef(k.oid), k.conindid
from pg_constraint k
left join pg_class f on f.oid = k.confrelid
left join pg_namespace fn on fn.oid = f.relnamespace
where k.conrelid = %s order by k.contype, k.conname"""

INDEXES = """
select i.indexrelid, ic.relname, am.amname, i.indisunique, i.indisprimary, i.indnullsnotdistinct,
       i.indnkeyatts, i.indnatts,
       array(select pg_get_indexdef(i.indexrelid, k + 1, true)
             from generate_series(0, i.indnatts - 1) k),
       array(select (i.indoption[k])::int from generate_series(0, i.indnkeyatts - 1) k),
       array(select case when o.opcdefault then null else o.opcname::text end
             from generate_series(0, i.indnkeyatts - 1) k
             join pg_opclass o on o.oid = i.indclass[k] order by k),
       pg_get_expr(i.indpred, i.indrelid, true),
       exists (select 1 from pg_constraint k
               where k.conindid = i.indexrelid and k.contype in ('u', 'x'))
from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am am on am.oid = ic.relam
where i.indrelid = %s order by ic.relname"""

ENUMS = f"""
select n.nspname, t.typname, array_agg(e.enumlabel::text order by e.enumsortorder)
from pg_type t join pg_enum e on e.enumtypid = t.oid join pg_namespace n on n.oid = t.typnamespace
where n.nspname not in {SYSTEM} group by 1, 2 order by 1, 2"""

SEQUENCES = f"""
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and n.nspname not in {SYSTEM}
  and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i'))
order by 1, 2"""


def qualify(schema, name):
    return name if schema == "public" else f"{schema}.{name}"


def clean_default(expr):
    """One spelling for what means the same; serial sequences are reported apart."""
    if expr is None:
        return None
    if re.match(r"nextval\(", expr):
        return "nextval()"
    if re.fullmatch(
        r"(now\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|CURRENT_TIMESTAMP\(\d\)|"
        r"transaction_timestamp\(\)|statement_timestamp\(\))(::\w[\w ]*)?",
        expr,
    ):
        return "now()"
    return expr


def read_table(cur, oid, kind):
    columns = read_columns(cur, oid)
    table = {"kind": kind, "columns": columns, "pk": None}
    table |= {"fks": [], "uniques": [], "indexes": [], "checks": []}
    for row in cur.execute(CONSTRAINTS, (oid,)).fetchall():
        read_constraint(table, row)
    quoted = {**{f'"{name}"': name for name in columns}, **{name: name for name in columns}}
    for row in cur.execute(INDEXES, (oid,)).fetchall():
        read_index(table, row, quoted)
    return table


def read_columns(cur, oid):
    columns = {}
    for row in cur.execute(COLUMNS, (oid,)).fetchall():
        name, pos, type_, notnull, default, identity, generated, sequence, collation = row
        column = {"type": type_, "nullable": not notnull, "pos": pos}
        if generated:
            column["generated"] = default
        elif default is not None:
            column["default"] = clean_default(default)
            if sequence and column["default"] == "nextval()":
                column["serial"] = True
        if identity:
            column["identity"] = {"a": "always", "d": "by default"}[identity]
        if collation:
            column["collation"] = collation
        columns[name] = column
    return columns


def read_constraint(table, row):
    name, type_, cols, rschema, rtable, rcols, ondel, onupd, deferrable, deferred = row[:10]
    definition = row[10]
    if type_ == "p":
        table["pk"] = {"columns": cols, "name": name}
    elif type_ == "f":
        key = {"columns": cols, "table": qualify(rschema, rtable), "references": rcols}
        key |= {"on_delete": ACTIONS[ondel], "on_update": ACTIONS[onupd], "name": name}
        if deferrable:
            key["deferrable"] = "deferred" if deferred else "immediate"
        table["fks"].append(key)
    elif type_ == "c":
        table["checks"].append({"definition": definition, "name": name})
    elif type_ == "x":
        table["checks"].append({"definition": definition, "name": name, "exclude": True})


def read_index(table, row, quoted):
    _, name, method, unique, primary, nnd, nkeys, natts, parts, options, opclasses = row[:11]
    where, constraint = row[11:]
    if primary:
        return
    own = [quoted.get(part, part) for part in parts]
    index = {
        "columns": [index_key(own[n], options[n], opclasses[n]) for n in range(nkeys)],
        "name": name,
    }
    optional = {
        "method": method if method != "btree" else None,
        "where": where,
        "include": own[nkeys:] if natts > nkeys else None,
        "nulls_not_distinct": True if nnd else None,
        "constraint": True if unique and constraint else None,
    }
    index |= {key: value for key, value in optional.items() if value}
    if unique:
        table["uniques"].append(index)
    elif not constraint:
        table["indexes"].append(index)


def index_key(part, option, opclass):
    key = {"on": part}
    if option & 1:
        key["desc"] = True
    if bool(option & 2) != bool(option & 1):
        key["nulls"] = "first" if option & 2 else "last"
    if opclass:
        key["opclass"] = opclass
    return part if len(key) == 1 else key


def dump(dsn, ignore=()):
    with psycopg.connect(dsn, autocommit=True) as conn, conn.cursor() as cur:
        cur.execute("set search_path = public")
        out = {"enums": {}, "tables": {}}
        extensions = [
            r[0]
            for r in cur.execute(
                "select extname from pg_extension where extname <> 'plpgsql' order by 1"
            ).fetchall()
        ]
        if extensions:
            out["extensions"] = extensions
        sequences = [qualify(*r) for r in cur.execute(SEQUENCES).fetchall()]
        if sequences:
            out["sequences"] = sequences
        for schema, name, labels in cur.execute(ENUMS).fetchall():
            out["enums"][qualify(schema, name)] = labels
        for oid, schema, name, kind, comment in cur.execute(TABLES).fetchall():
            full = qualify(schema, name)
            if full in ignore:
                continue
            table = read_table(cur, oid, KINDS[kind])
            if comment:
                table["comment"] = comment
            out["tables"][full] = table
        return out
