"""Prisma: `schema.prisma` files in, the tables that Prisma itself would make out.

Reads the schema language only; migrations and the client are never looked at.
"""

from appdb.source.frameworks.prisma.frontend import FRONT_END

__all__ = ["FRONT_END"]
