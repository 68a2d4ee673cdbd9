"""Small sources for tests that need tables, and not these ones."""

PRISMA_HEAD = """
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
"""

USERS = """
model User {
  id    Int     @id @default(autoincrement())
  email String  @unique
  name  String?
}
"""

POSTS = """
model Post {
  id    Int    @id @default(autoincrement())
  title String
}
"""

PRISMA = PRISMA_HEAD + USERS
PRISMA_TWO = PRISMA + POSTS
PRISMA_WRONG = PRISMA_HEAD + "\nmodel User {\n  id Int @id\n  email ???\n}\n"
