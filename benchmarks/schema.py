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


def prisma_schema(tables: int = TABLES) -> str:
    """One table of users and others that refer to it, `tables` in all."""
    numbers = range(1, tables)
    backs = "".join(f'  things{n} Thing{n}[] @relation("owner{n}")\n' for n in numbers)
    return _HEAD + backs + "}\n" + "".join(_TABLE.format(number=number) for number in numbers)
