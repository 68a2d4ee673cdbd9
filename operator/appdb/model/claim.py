"""The claim: a comment on a database or a role that says which AppDatabase it belongs to.

Pure text and values. The claim is what makes collisions, take-overs and double drops
impossible: what does not carry it is not touched. It is parsed strictly, because a
comment that somebody else wrote must never be taken for ours.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What the claimed thing is to its database."""

    DATABASE = "database"
    OWNER = "owner"
    APP = "app"
    LOGIN = "login"
    READERS = "readers"
    WRITERS = "writers"
    ACCESS = "access"


_FORMAT = "appdb.chatbuilds.com/claim v1"
_TEXT = re.compile(
    re.escape(_FORMAT)
    + r" cluster=(?P<cluster>[\w.-]+) namespace=(?P<namespace>[\w.-]+) name=(?P<name>[\w.-]+)"
    + r" uid=(?P<uid>[\w.-]*) database=(?P<database>\S+) part=(?P<part>"
    + "|".join(Part)
    + ")",
    re.ASCII,
)
_WORD = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """The AppDatabase that claims.

    `cluster` is the uid of the namespace kube-system. `uid` is for information: an object
    made again under its old name takes back what it left behind.
    """

    cluster: str
    namespace: str
    name: str
    uid: str = ""

    def __post_init__(self) -> None:
        """Refuse what would not survive the way through the comment and back."""
        words = (self.cluster, self.namespace, self.name)
        if not all(_WORD.fullmatch(word) for word in words):
            msg = f"a claim needs plain words, not {words!r}"
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"AppDatabase {self.namespace}/{self.name} of cluster {self.cluster}"

    def is_same_object(self, other: "Claimant") -> bool:
        """Tell whether both are one object of one cluster, whatever its uid."""
        return self.cluster == other.cluster and self.is_namesake(other)

    def is_namesake(self, other: "Claimant") -> bool:
        """Tell whether both have one namespace and name, perhaps in different clusters."""
        return (self.namespace, self.name) == (other.namespace, other.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claimed thing: by whom, for which database, and as what."""

    claimant: Claimant
    database: str
    part: Part

    def text(self) -> str:
        """Write the comment."""
        who = self.claimant
        return (
            f"{_FORMAT} cluster={who.cluster} namespace={who.namespace} name={who.name}"
            f" uid={who.uid} database={self.database} part={self.part}"
        )


def parse_claim(comment: str | None) -> Claim | None:
    """Read a comment back; anything that is not exactly a claim is none."""
    found = _TEXT.fullmatch(comment or "")
    if found is None:
        return None
    return Claim(
        claimant=Claimant(
            cluster=found["cluster"],
            namespace=found["namespace"],
            name=found["name"],
            uid=found["uid"],
        ),
        database=found["database"],
        part=Part(found["part"]),
    )
