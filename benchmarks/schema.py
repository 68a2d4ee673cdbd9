"""A Prisma schema of ten tables as applications write them: keys, indexes, an enum, relations."""

TABLES = 10

_HEAD = """
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}

generator client {
  provider = "prisma-client-js"
}

enum Status {
  DRAFT
  ACTIVE
  DONE
}

model User {
  id        Int      @id @default(autoincrement())
  email     String   @unique
  name      String?
  createdAt DateTime @default(now())
  updatedAt DateTime @updatedAt
"""

_TABLE = """
model Thing{number} {{
  id        Int      @id @default(autoincrement())
  ownerId   Int      @map("owner_id")
  owner     User     @relation("owner{number}", fields: [ownerId], references: [id])
  title     String   @db.VarChar(200)
  body      String?
  status    Status   @default(DRAFT)
  amount    Decimal  @db.Decimal(12, 2)
  payload   Json?
  createdAt DateTime @default(now()) @map("created_at")

  @@unique([ownerId, title])
  @@index([status, createdAt])
  @@map("thing_{number}")
}}
"""


def prisma_schema(tables: int = TABLES, *, extra: int = 0, has_index: bool = False) -> str:
    """One table of users and others that refer to it, `tables` in all.

    The users have so many `extra` columns, and perhaps an index that takes long on many rows.
    """
    numbers = range(1, tables)
    backs = "".join(f'  things{n} Thing{n}[] @relation("owner{n}")\n' for n in numbers)
    more = "".join(f"  extra_{n} Int?\n" for n in range(extra))
    rule = "  @@index([name, createdAt])\n" if has_index else ""
    rest = "".join(_TABLE.format(number=number) for number in numbers)
    return f"{_HEAD}{backs}{more}{rule}}}\n{rest}"
