"""TypeORM 0.3 and 1 on Postgres: decorators and entity schemas to the tables they make."""

from appdb.source.frameworks.typeorm.frontend import FRONT_END

__all__ = ["FRONT_END"]
