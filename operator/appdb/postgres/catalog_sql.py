"""The queries behind a catalog snapshot: constants, nothing else.

Read with an empty search path, so that Postgres qualifies every name it deparses. Members
of extensions, temporary schemas and our own ledger are never part of a schema. 16384 is the
first oid that is not the server's own (FirstNormalObjectId).
"""

from typing import LiteralString

_OURS: LiteralString = """
    n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', '_appdb')
    AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'
"""


_COUNTER: LiteralString = """
    format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
    s.seqcache, s.seqcycle
"""


def _not_member(catalog: LiteralString, oid: LiteralString) -> LiteralString:
    return """NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = '{catalog}'::regclass
        AND m.objid = {oid} AND m.deptype = 'e')""".replace("{catalog}", catalog).replace(
        "{oid}", oid
    )


def _filled(query: LiteralString) -> LiteralString:
    return (
        query.replace("{ours}", _OURS)
        .replace("{counter}", _COUNTER)
        .replace("{no_class_member}", _not_member("pg_class", "c.oid"))
        .replace("{no_namespace_member}", _not_member("pg_namespace", "n.oid"))
        .replace("{no_type_member}", _not_member("pg_type", "t.oid"))
        .replace("{no_row_type_member}", _not_member("pg_type", "c.reltype"))
        .replace("{no_function_member}", _not_member("pg_proc", "p.oid"))
    )


NAMESPACES = _filled("""
SELECT n.nspname, CASE WHEN n.nspname <> 'public' THEN d.description END
FROM pg_namespace n
LEFT JOIN pg_description d ON d.classoid = 'pg_namespace'::regclass AND d.objoid = n.oid
WHERE {ours}
    AND {no_namespace_member}
""")

EXTENSIONS: LiteralString = """
SELECT e.extname, n.nspname, e.extversion
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
"""

ENUMS = _filled("""
SELECT n.nspname, t.typname, l.labels, d.description
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(e.enumlabel::text ORDER BY e.enumsortorder), '{}') AS labels
    FROM pg_enum e WHERE e.enumtypid = t.oid
) l
LEFT JOIN pg_description d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
WHERE t.typtype = 'e' AND {ours}
    AND {no_type_member}
""")

DOMAINS = _filled("""
SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),
    CASE WHEN t.typcollation <> b.typcollation
         THEN (SELECT format('%I.%I', cn.nspname, c.collname) FROM pg_collation c
               JOIN pg_namespace cn ON cn.oid = c.collnamespace WHERE c.oid = t.typcollation) END,
    t.typdefault, t.typnotnull, k.checks, d.description
FROM pg_type t
JOIN pg_type b ON b.oid = t.typbasetype
JOIN pg_namespace n ON n.oid = t.typnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_array(
        k.conname, pg_get_constraintdef(k.oid), k.convalidated) ORDER BY k.conname), '[]') AS checks
    FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'
) k
LEFT JOIN pg_description d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid
WHERE t.typtype = 'd' AND {ours}
    AND {no_type_member}
""")

COMPOSITES = _filled("""
SELECT n.nspname, c.relname, a.attributes, d.description
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_array(
        a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]') AS attributes
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) a
LEFT JOIN pg_description d ON d.classoid = 'pg_type'::regclass AND d.objoid = c.reltype
WHERE c.relkind = 'c' AND {ours}
    AND {no_row_type_member}
""")

# There is one owner at most; the limit keeps Postgres from joining all sequences with all owners.
SEQUENCES = _filled("""
SELECT n.nspname, c.relname, {counter}, own.nspname, own.relname, own.attname, d.description
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT tn.nspname, t.relname, a.attname
    FROM pg_depend p
    JOIN pg_class t ON t.oid = p.refobjid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.refobjsubid
    WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.deptype = 'a'
        AND p.refclassid = 'pg_class'::regclass AND p.refobjsubid > 0
    LIMIT 1
) own ON true
LEFT JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
WHERE c.relpersistence <> 't' AND NOT EXISTS (
    SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid
        AND p.deptype = 'i') AND {ours}
    AND {no_class_member}
""")

TABLES = _filled("""
SELECT n.nspname, c.relname, c.relpersistence = 'u',
    coalesce(c.reloptions, '{}'), d.description
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND {ours}
    AND {no_class_member}
""")

COLUMNS = _filled("""
SELECT n.nspname, c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
    bn.nspname, b.typname, b.typtype,
    a.attnotnull, pg_get_expr(f.adbin, f.adrelid), a.attidentity, a.attgenerated,
    CASE WHEN a.attcollation <> t.typcollation
         THEN (SELECT format('%I.%I', xn.nspname, x.collname) FROM pg_collation x
               JOIN pg_namespace xn ON xn.oid = x.collnamespace WHERE x.oid = a.attcollation) END,
    d.description, f.oid,
    CASE WHEN b.typtype = 'd' THEN b.typnotnull OR EXISTS (
        SELECT FROM pg_constraint k WHERE k.contypid = b.oid AND k.contype = 'c') END
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem ELSE t.oid END
JOIN pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
LEFT JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
    AND c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND {ours}
    AND {no_class_member}
""")

IDENTITIES: LiteralString = _filled("""
SELECT tn.nspname, t.relname, a.attname, {counter}
FROM pg_depend p
JOIN pg_sequence s ON s.seqrelid = p.objid
JOIN pg_class t ON t.oid = p.refobjid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.refobjsubid
WHERE p.classid = 'pg_class'::regclass AND p.deptype = 'i'
    AND p.refclassid = 'pg_class'::regclass AND p.refobjsubid > 0
""")

# What a generated column's expression reads; defaults read no columns. Asked for column by
# column: as a join it would go through all columns once for each default.
GENERATED_USES: LiteralString = """
SELECT f.oid, used.names
FROM pg_attribute g
JOIN pg_attrdef f ON f.adrelid = g.attrelid AND f.adnum = g.attnum
CROSS JOIN LATERAL (
    SELECT array_agg(a.attname::text) AS names
    FROM pg_depend p
    JOIN pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
    WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = f.oid
        AND p.refclassid = 'pg_class'::regclass AND p.refobjid = f.adrelid
        AND p.refobjsubid > 0 AND p.refobjsubid <> f.adnum
) used
WHERE g.attgenerated <> '' AND used.names IS NOT NULL
"""

CONSTRAINTS = _filled("""
SELECT n.nspname, c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid), k.convalidated,
    coalesce(k.conkey, '{}')::int[], fn.nspname, f.relname, coalesce(k.confkey, '{}')::int[],
    CASE WHEN i.oid IS NOT NULL THEN pg_get_indexdef(i.oid) END,
    coalesce(i.reloptions, '{}'), quote_ident(i.relname), d.description, k.condeferrable
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
LEFT JOIN pg_class i ON i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x', 'n') AND k.conparentid = 0
    AND (k.contype <> 'n' OR NOT k.convalidated)
    AND c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND {ours}
    AND {no_class_member}
""")

INDEXES = _filled("""
SELECT n.nspname, c.relname, ic.relname, pg_get_indexdef(i.indexrelid), quote_ident(ic.relname),
    i.indisunique, i.indisvalid AND i.indisready, i.indkey::int2[]::int[], i.indnkeyatts,
    i.indexprs IS NULL AND i.indpred IS NULL, i.indexrelid, d.description
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = ic.oid AND d.objsubid = 0
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
        AND k.contype IN ('p', 'u', 'x'))
    AND c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND {ours}
    AND {no_class_member}
""")

# What expressions and predicates of indexes read.
INDEX_USES: LiteralString = """
SELECT i.indexrelid, array_agg(DISTINCT a.attname::text ORDER BY a.attname::text)
FROM pg_index i
JOIN pg_depend p ON p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid
    AND p.refclassid = 'pg_class'::regclass AND p.refobjid = i.indrelid AND p.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND i.indrelid >= 16384
GROUP BY i.indexrelid
"""

VOLATILE: LiteralString = """
SELECT proname FROM pg_proc
WHERE proname = ANY(%s) GROUP BY proname HAVING bool_or(provolatile = 'v')
"""

STRANGERS = _filled("""
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' ELSE 'partition' END,
    n.nspname, c.relname, NULL
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('v', 'm', 'f', 'p') OR c.relkind = 'r' AND c.relispartition) AND {ours}
    AND {no_class_member}
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    n.nspname, p.proname, NULL
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND {ours}
    AND {no_function_member}
UNION ALL
SELECT 'trigger', n.nspname, c.relname, g.tgname
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND {ours}
UNION ALL
SELECT 'policy', n.nspname, c.relname, p.polname
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours}
""")

# Views (through their rules), functions with SQL bodies, triggers and policies that would
# break, or stand in the way, when a column or table of ours goes or changes its type.
DEPENDENTS = _filled("""
SELECT DISTINCT n.nspname, c.relname, a.attname,
    CASE WHEN v.oid IS NOT NULL
         THEN CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END
              || format('%I.%I', vn.nspname, v.relname)
         WHEN g.oid IS NOT NULL THEN 'trigger ' || quote_ident(g.tgname)
         WHEN l.oid IS NOT NULL THEN 'policy ' || quote_ident(l.polname)
         ELSE 'function ' || f.oid::regprocedure END
FROM pg_depend p
JOIN pg_class c ON c.oid = p.refobjid AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid AND a.attnum > 0
LEFT JOIN pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND r.oid = p.objid
LEFT JOIN pg_class v ON v.oid = r.ev_class
LEFT JOIN pg_namespace vn ON vn.oid = v.relnamespace
LEFT JOIN pg_trigger g ON p.classid = 'pg_trigger'::regclass AND g.oid = p.objid
LEFT JOIN pg_policy l ON p.classid = 'pg_policy'::regclass AND l.oid = p.objid
LEFT JOIN pg_proc f ON p.classid = 'pg_proc'::regclass AND f.oid = p.objid
WHERE p.refclassid = 'pg_class'::regclass AND p.classid IN ('pg_rewrite'::regclass,
        'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass)
    AND (g.oid IS NULL OR NOT g.tgisinternal AND p.refobjsubid > 0)
    AND (l.oid IS NULL OR p.refobjsubid > 0)
    AND v.oid IS DISTINCT FROM c.oid AND {ours}
""")

# Triggers of ours and their functions, and functions that lost their trigger.
SYNCS: LiteralString = """
SELECT p.proname, pn.nspname, n.nspname, c.relname, g.tgargs, g.tgenabled <> 'D'
FROM pg_proc p
JOIN pg_namespace pn ON pn.oid = p.pronamespace
LEFT JOIN pg_trigger g ON g.tgfoid = p.oid AND NOT g.tgisinternal AND g.tgname = p.proname
LEFT JOIN pg_class c ON c.oid = g.tgrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.proname >= '_appdb_sync_' AND p.proname < '_appdb_sync`' AND p.pronargs = 0
    AND p.prorettype = 'trigger'::regtype
ORDER BY 1, 2, 3, 4
"""

# A column that was renamed leaves the name of its NOT NULL constraint (18) behind.
NOT_NULL_NAMES = _filled("""
SELECT n.nspname, c.relname, k.conname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
WHERE k.contype = 'n' AND k.conname <> c.relname || '_' || a.attname || '_not_null' AND {ours}
""")

# Two halves that take about as long; the first tells what is built from the second.
TYPES_AND_COLUMNS: tuple[LiteralString, ...] = (
    NAMESPACES,
    EXTENSIONS,
    ENUMS,
    DOMAINS,
    COMPOSITES,
    SEQUENCES,
    TABLES,
    COLUMNS,
    IDENTITIES,
    GENERATED_USES,
)
RULES_AND_OTHERS: tuple[LiteralString, ...] = (
    CONSTRAINTS,
    INDEXES,
    INDEX_USES,
    STRANGERS,
    DEPENDENTS,
    SYNCS,
    NOT_NULL_NAMES,
)
