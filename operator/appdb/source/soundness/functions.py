"""The functions that a default may call: those of Postgres, and of extensions known by name.

A database that is made from a source has no functions but these: one that a migration by
hand would have made is not there, and a table whose default calls it could not load.
Source: pg_proc of 15 and 18, without what only operators, types and indexes call.
"""

import re
from collections.abc import Collection, Sequence

from appdb.model.schema import Extension
from appdb.source.soundness.types import base_of_words
from appdb.source.sqltext import Token, TokenKind

_BUILT_IN_NAMES = """
    btrim casefold starts_with
    abbrev abs acos acosd acosh age any_value area ascii asin asind asinh atan atan2 atan2d
    atand atanh avg bit bool bound_box box bpchar bytea cardinality cash_words cbrt ceil
    ceiling center char char_length character_length chr cidr circle clock_timestamp
    col_description concat concat_ws convert convert_from convert_to corr cos cosd cosh cot
    cotd count covar_pop covar_samp crc32 crc32c cume_dist currval date datemultirange
    daterange decode degrees dense_rank diagonal diameter div encode enum_first enum_last
    enum_range erf erfc every exp extract factorial family first_value floor format format_type
    gamma gcd gen_random_uuid height host hostmask initcap interval interval_avg is_normalized
    isclosed isempty isfinite ishorizontal isopen isparallel isperp isvertical justify_days
    justify_hours justify_interval lag last_value lastval lcm lead left length lgamma
    like_escape line ln log log10 loread lower lower_inc lower_inf lowrite lpad lseg ltrim
    macaddr macaddr8 macaddr8_set7bit make_date make_interval make_time make_timestamp
    make_timestamptz masklen max md5 min min_scale mod mode money multirange name netmask
    network nextval normalize now npoints nth_value ntile obj_description octet_length oid
    overlaps overlay parse_ident path pclose percent_rank percentile_cont percentile_disc
    phraseto_tsquery pi plainto_tsquery point polygon popen position pow power querytree
    quote_ident quote_literal quote_nullable radians radius random random_normal rank regclass
    repeat replace reverse right round rpad rtrim scale session_user setval setweight sha224
    sha256 sha384 sha512 shobj_description sign similar_escape similar_to_escape sin sind sinh
    slope split_part sqrt statement_timestamp stddev stddev_pop stddev_samp strip strpos substr
    substring sum system_user tan tand tanh text textlen time timeofday timestamp timestamptz
    timetz timezone transaction_timestamp translate trim_array trim_scale trunc tsmultirange
    tsrange tstzmultirange tstzrange unicode_assigned unistr unnest upper upper_inc upper_inf
    uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp varbit varchar
    variance version websearch_to_tsquery width width_bucket xid xpath xpath_exists
"""
_BUILT_IN = frozenset(_BUILT_IN_NAMES.split())
# Families of which nobody lists every member.
_FAMILIES = re.compile(
    r"(?:pg|array|ts|json|jsonb|to|has|current|date|string|regexp|num|row|range|multirange|inet|bit"
    r"|bool|regr|set|get|txid|tsvector|tsquery)_?\w*|network\w*|xml\w*|hash\w*|int[248]\w*"
    r"|float[48]\w*"
)
# Words of SQL that stand before a bracket and call nothing.
_SYNTAX_WORDS = """
    all and any array as between by case cast coalesce collate concat_ws day distinct else end
    exists extract filter from greatest hour ilike in interval is isnull least like localtime
    localtimestamp minute month not notnull null nullif on or order over overlaps overlay
    partition position precision row rows second select similar some substring symmetric then
    time to treat trim using values varying when where with within without year zone xmlelement
"""
_SYNTAX = frozenset(_SYNTAX_WORDS.split())
_OF_EXTENSIONS = re.compile(
    r"uuid_(?:generate_v(?:1|1mc|3|4|5)|nil|ns_\w+)|gen_(?:random_bytes|salt)|crypt|digest|hmac|(?:en|de)crypt\w*"
    r"|pgp_\w+|(?:de)?armor|unaccent|(?:strict_|word_)*similarity|show_trgm"
)
# Extensions of which `_OF_EXTENSIONS` knows what a default may call.
_KNOWN_EXTENSIONS = frozenset(
    {"uuid-ossp", "pgcrypto", "unaccent", "pg_trgm", "citext", "btree_gin", "btree_gist", "plpgsql"}
)


def unknown_function(found: Sequence[Token], extensions: Collection[Extension]) -> str | None:
    """Return the first function of an expression that is nowhere; None when all may be there."""
    if any(extension.name not in _KNOWN_EXTENSIONS for extension in extensions):
        return None
    schemas = {extension.schema for extension in extensions}
    for at, token in enumerate(found[:-1]):
        if found[at + 1].text != "(" or token.kind not in {TokenKind.WORD, TokenKind.QUOTED}:
            continue
        before = found[at - 1].text if at else ""
        if before == "::":
            continue
        schema = found[at - 2].name if before == "." and at > 1 else None
        if not _is_there(token, schema, schemas):
            return f"{schema}.{token.name}" if schema is not None else token.name
    return None


def _is_there(token: Token, schema: str | None, schemas: Collection[str | None]) -> bool:
    name = token.name
    if schema not in {None, "pg_catalog"}:
        of_extension = schema == "public" or schema in schemas
        return of_extension and _OF_EXTENSIONS.fullmatch(name) is not None
    if token.kind is TokenKind.WORD and (name in _SYNTAX or base_of_words(name) is not None):
        return True
    is_built_in = name in _BUILT_IN or _FAMILIES.fullmatch(name) is not None
    return is_built_in or (schema is None and _OF_EXTENSIONS.fullmatch(name) is not None)
