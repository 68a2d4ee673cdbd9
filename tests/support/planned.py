"""What a reviewer sees of a team's plans, and does about them; what a release asks for."""

from typing import Any

from support.apiserver import GROUP_PATH, Answer
from support.team import Team, conditions_of, until

Json = dict[str, Any]


def release(team: Team, schema: str, **spec: object) -> None:
    """Give the application's source another content, and perhaps the object another spec."""
    if spec:
        team.apply("shop", schema=spec)
    team.apply_source("shop", {"schema.prisma": schema})


def columns(team: Team, table: str = "User") -> list[str]:
    """The columns of a table, as the application sees them."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    with team.logged_in("shop") as session:
        found = session.execute(query + " AND NOT attisdropped ORDER BY attnum", (f'"{table}"',))
        return [row[0] for row in found]


def rows(team: Team, query: str) -> list[tuple[object, ...]]:
    """What a query of the application finds."""
    with team.logged_in("shop") as session:
        return session.execute(query).fetchall()


def by_hand(team: Team, *statements: str) -> None:
    """Change tables behind the operator's back."""
    with team.logged_in("shop") as session:
        for statement in statements:
            session.execute(statement)


def plans(team: Team, database: str = "shop") -> list[Json]:
    """The plans of a database, oldest first."""
    path = f"{GROUP_PATH}/namespaces/{team.namespace}/schemaplans"
    items = team.api.request("GET", path).body["items"]
    ours = [each for each in items if each["spec"]["appDatabaseRef"]["name"] == database]
    return sorted(ours, key=lambda each: each["metadata"]["creationTimestamp"])


def shown(plan: Json) -> tuple[str, str]:
    """Decision and outcome of a plan, as `kubectl get appplan` shows them."""
    applied = [each for each in conditions_of(plan) if each.type == "Applied"]
    return plan["spec"]["decision"], applied[0].reason if applied else ""


def current(team: Team, database: str = "shop") -> Json:
    """The plan that status names."""
    name = team.status(database)["schema"]["planRef"]["name"]
    return next(each for each in plans(team, database) if each["metadata"]["name"] == name)


def await_pending(team: Team, *, beside: str = "") -> Json:
    """Wait until another plan than `beside` waits for an approval; the plan."""
    found: list[Json] = []

    def is_there() -> bool:
        waiting = team.says("shop", "SchemaSynced") == ("False", "PlanPendingApproval")
        found[:] = [current(team)] if waiting else []
        return bool(found) and found[0]["metadata"]["name"] != beside

    until(is_there, say=lambda: team.tell("shop"))
    return found[0]


def decide(team: Team, plan: Json, decision: str, reason: str = "") -> Answer:
    """Set the decision of a plan, as an approver does."""
    path = f"{GROUP_PATH}/namespaces/{team.namespace}/schemaplans/{plan['metadata']['name']}"
    spec = {"decision": decision} | ({"decidedReason": reason} if reason else {})
    return team.api.request(
        "PATCH",
        f"{path}?fieldManager=reviewer",
        {"spec": spec},
        "application/merge-patch+json",
    )
