"""Judges whose the things are that already have our names.

Pure: facts in, a standing or an error out. This is the only place that decides whether
something on a server may be touched; what is not claimed by us is not.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from appdb.errors import AdoptionRequired, NameConflict
from appdb.model.claim import Claim, Part
from appdb.postgres.facts import DatabaseFacts
from appdb.postgres.wanted import WantedDatabase

# The operator's databases and schemas; the API refuses the prefix too.
OWN_PREFIX = "_appdb"
ANOTHER_NAME = (
    "choose another databaseName; where one was set, delete this object, which touches nothing of"
    " that, and make it anew"
)


class Standing(StrEnum):
    """What may be done with the names: make, keep or take over."""

    FREE = "Free"
    OURS = "Ours"
    ADOPTABLE = "Adoptable"


def judge_claims(facts: DatabaseFacts, wanted: WantedDatabase) -> Standing:
    """Decide whether the names on the server are free, ours, or may be adopted.

    Raises:
        NameConflict: a database or role of that name belongs to somebody else.
        AdoptionRequired: the database exists and is nobody's.
    """
    if wanted.name == facts.asked_in or wanted.name.startswith(OWN_PREFIX):
        raise NameConflict(
            f"database {wanted.name} is where the operator itself works on this server;"
            f" {ANOTHER_NAME}"
        )
    _refuse_foreign_roles(facts, wanted)
    database = facts.database
    if database is None:
        return Standing.OURS if facts.roles else Standing.FREE
    if database.claim is not None:
        _refuse_foreign_claim(database.claim, wanted, f"database {wanted.name}")
        return Standing.OURS
    if database.comment is None and database.owner == wanted.roles.owner:
        return Standing.OURS
    if database.owner == wanted.roles.owner:
        raise NameConflict(
            f"database {wanted.name} carries a comment that is not a claim of ours; if it is"
            f' to be used again run: COMMENT ON DATABASE "{wanted.name}" IS NULL'
        )
    if wanted.may_adopt:
        return Standing.ADOPTABLE
    raise AdoptionRequired(
        f"database {wanted.name} exists already, owned by {database.owner}, and is not"
        " claimed; choose another databaseName, or set adopt: IfUnclaimed and allow it on"
        " the DatabaseServer (allowAdoption)"
    )


def reclaim(wanted: WantedDatabase, role: str, part: Part) -> str:
    """Write the statement that gives a role its claim back; names and claims hold no quotes."""
    claim = replace(wanted.claim(part), claimant=replace(wanted.claimant, uid=""))
    return f"COMMENT ON ROLE \"{role}\" IS '{claim.text()}'"


def refuse_renamed(claimed: Mapping[str, Part], wanted: WantedDatabase) -> None:
    """Refuse to make the owner or the app role again while it stands there under another name.

    What the app made belongs to the role that was renamed: a second one could not reach it.

    Raises:
        NameConflict: with the statement that gives the name back.
    """
    known = {Part.OWNER: wanted.roles.owner, Part.APP: wanted.roles.app}
    for role, part in sorted(claimed.items()):
        name = known.get(part, role)
        if role == name:
            continue
        cure = f'ALTER ROLE "{role}" RENAME TO "{name}"'
        if name in claimed:
            cure = (
                f'in database {wanted.name}: REASSIGN OWNED BY "{role}" TO "{name}"; then drop it'
            )
        raise NameConflict(
            f"role {name} of database {wanted.name} was renamed to {role}, and what it owns with"
            f" it; run as a superuser: {cure}"
        )


def is_ours(claim: Claim | None, wanted: WantedDatabase) -> bool:
    """Tell whether a claim is that of the wanted object, or of a cluster it stands in for."""
    if claim is None or claim.database != wanted.name:
        return False
    claimant = claim.claimant
    return claimant.is_same_object(wanted.claimant) or (
        claimant.cluster in wanted.accepted_clusters and claimant.is_namesake(wanted.claimant)
    )


def is_taken_by_sibling(facts: DatabaseFacts, wanted: WantedDatabase) -> bool:
    """Tell whether all that stands in the way belongs to objects of the same namespace."""
    found = [
        facts.roles[role.name].claim for role in wanted.wanted_roles() if role.name in facts.roles
    ]
    if facts.database is not None:
        found.append(facts.database.claim)
    own = (wanted.claimant.cluster, wanted.claimant.namespace)
    return all(
        claim is not None and (claim.claimant.cluster, claim.claimant.namespace) == own
        for claim in found
    )


def _refuse_foreign_roles(facts: DatabaseFacts, wanted: WantedDatabase) -> None:
    for role in wanted.wanted_roles():
        found = facts.roles.get(role.name)
        if found is None:
            continue
        if found.claim is None and facts.database and is_ours(facts.database.claim, wanted):
            raise NameConflict(
                f"role {role.name} of database {wanted.name} has lost its claim, the comment on"
                f" it; if it is still the same role run: {reclaim(wanted, role.name, role.part)}"
            )
        if found.claim is None:
            raise NameConflict(
                f"role {role.name} exists already and is nobody's; drop or rename it, or"
                f" {ANOTHER_NAME}"
            )
        _refuse_foreign_claim(found.claim, wanted, f"role {role.name}")
        if found.claim.part is not role.part:
            raise NameConflict(
                f"role {role.name} is the {found.claim.part} of this database, not its"
                f" {role.part}; choose another name"
            )


def _refuse_foreign_claim(claim: Claim, wanted: WantedDatabase, what: str) -> None:
    if is_ours(claim, wanted):
        return
    way_out = ANOTHER_NAME
    if claim.claimant.is_namesake(wanted.claimant) and claim.database == wanted.name:
        way_out = "choose another databaseName, or name that cluster in acceptClaimsOf of the"
        way_out += " DatabaseServer"
    raise NameConflict(f"{what} belongs to {claim.claimant} (database {claim.database}); {way_out}")
