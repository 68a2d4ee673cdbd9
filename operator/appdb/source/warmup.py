"""Sources of our own, read once before any other, so that each reader starts warm.

Grammars are loaded, patterns compiled and forms worked out at first use: three quarters of
what a usual source costs. What the parent process has done, its children need not. Nobody
else's text is ever read here.
"""

from appdb.source import wire
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts

_PRISMA = """
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}

enum Kind {
  A
  B
}

model User {
  id    Int    @id @default(autoincrement())
  email String @unique
  posts Post[]
}

model Post {
  id     Int      @id
  title  String   @db.VarChar(80)
  kind   Kind     @default(A)
  at     DateTime @default(now()) @map("created_at")
  userId Int?
  user   User?    @relation(fields: [userId], references: [id])

  @@unique([userId, title])
  @@index([at])
  @@map("posts")
}
"""

_TYPEORM = """
import { Column, Entity, Index, ManyToOne, OneToMany, PrimaryGeneratedColumn } from "typeorm";

@Entity("users")
export class User {
  @PrimaryGeneratedColumn() id: number;
  @Column({ length: 80, unique: true }) email: string;
  @OneToMany(() => Post, (post) => post.user) posts: Post[];
}

@Entity()
@Index(["title"])
export class Post {
  @PrimaryGeneratedColumn("uuid") id: string;
  @Column({ type: "text", nullable: true }) title?: string;
  @ManyToOne(() => User, (user) => user.posts, { onDelete: "CASCADE" }) user: User;
}
"""

_MONGOOSE = """
import mongoose, { Schema } from "mongoose";

const User = new Schema({
  email: { type: String, required: true, unique: true },
  tags: [String],
  home: { city: String },
  friend: { type: Schema.Types.ObjectId, ref: "User" },
}, { timestamps: true });

export default mongoose.model("User", User);
"""

_SQL = """
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, kind kind DEFAULT 'a');
CREATE INDEX users_kind ON users (kind);
"""

_SOURCES = (
    {"schema.prisma": _PRISMA},
    {"entities.ts": _TYPEORM},
    {"models.js": _MONGOOSE},
    {"schema.sql": _SQL},
)


# After so many the interpreter has specialized what runs, which each reader would do anew.
_ROUNDS = 8


def warm_up() -> None:
    """Read a source of each front end, and write down what was found."""
    for _ in range(_ROUNDS):
        for files in _SOURCES:
            wire.answer(analyze(bundle_of_texts(files)))
