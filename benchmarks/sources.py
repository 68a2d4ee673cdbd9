"""Sources of the size and the shapes that applications have, the same in every run."""

from collections.abc import Iterator

from schema import prisma_schema

HEAD = 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n\n'
_FIELDS = (
    "  name         String     @db.VarChar(255)",
    "  slug         String     @unique // shown in links",
    "  description  String?    @db.Text",
    '  amountCents  Int        @default(0) @map("amount_cents")',
    '  /// ISO 4217 code, upper case.\n  currency     String     @default("USD") @db.Char(3)',
    "  price        Decimal    @db.Decimal(12, 2)",
    '  isActive     Boolean    @default(true) @map("is_active")',
    '  metadata     Json       @default("{}")',
    "  // denormalized from the parent, for sorting\n  position     Int        @default(0)",
    '  startsAt     DateTime   @default(now()) @map("starts_at") @db.Timestamptz(6)',
    "  tags         String[]   @default([])",
    '  externalId   String?    @map("external_id") @db.Uuid',
)
_JOINED = """\
model M{n} {{
  id   Int     @id @default(autoincrement())
  name String? @db.VarChar(191)
  tags T{n}[]
}}

model T{n} {{
  id   String   @id
  kind Boolean  @default(false)
  ms   M{n}[]
  at   DateTime @default(now())
}}

"""
_ENTITY = """\
import {{ Column, Entity, Index, JoinColumn, ManyToOne }} from 'typeorm';
import {{ Order{m} }} from '@app/orders';
import {{ Base }} from '../base.entity';
import {{ State{n} }} from './state{n}.enum';

@Entity('orders_{n}')
@Index(['code', 'createdAt'])
export class Order{n} extends Base {{
  @Column({{ type: 'varchar', length: 64, unique: true }}) code: string;
  @Column({{ type: 'enum', enum: State{n}, default: State{n}.New }}) state: State{n};
  @Column('numeric', {{ precision: 12, scale: 2, default: 0 }}) total: string;
  @Column({{ type: 'jsonb', nullable: true }}) meta: Record<string, unknown> | null;
  @ManyToOne(() => Order{m}, {{ onDelete: 'CASCADE' }})
  @JoinColumn({{ name: 'previous_id' }})
  previous: Order{m};
}}
"""
_DOCUMENT = """\
import {{ Schema, model }} from 'mongoose';
import {{ State{n} }} from '../orders/state{n}.enum';

const Address = new Schema({{ street: String, city: {{ type: String, index: true }} }});
export const schema{n} = new Schema({{
  title: {{ type: String, required: true, unique: true }},
  state: {{ type: String, enum: Object.values(State{n}), default: State{n}.New }},
  address: Address,
  lines: [{{ sku: String, count: {{ type: Number, min: 1 }} }}],
}}, {{ timestamps: true, collection: 'docs{n}' }});
export const Doc{n} = model('Doc{n}', schema{n});
"""
_BASE = """\
import { CreateDateColumn, PrimaryGeneratedColumn } from 'typeorm';

export abstract class Base {
  @PrimaryGeneratedColumn('uuid') id: string;
  @CreateDateColumn({ type: 'timestamptz' }) createdAt: Date;
}
"""
_SERVICE = """
export async function handle{n}(input: Input{n}, ctx: Context): Promise<Result<string>> {{
  const {{ user, tenant }} = ctx.session ?? {{ user: null, tenant: undefined }};
  if (!user || input.items.length === 0) {{
    throw new HttpException(`cannot handle ${{input.name}} of ${{tenant}}`, 403);
  }}
  const rows = await ctx.orders.find({{ where: {{ id: In(input.items.map((each) => each.id)) }} }});
  return rows.reduce((sum, row) => sum + row.total * (1 - (row.discount ?? 0)), 0).toFixed(2);
}}
interface Input{n} {{ name: string; items: {{ id: string; count?: number }}[]; }}
"""


def realistic(size: int) -> str:
    """Models of about 25 lines with comments, maps, enums and relations to other models."""
    return _of_size(size, _realistic())


def joined(size: int) -> str:
    """Nothing but small models in pairs with a join table each: the most tables per byte."""
    return _of_size(size, (_JOINED.format(n=n) for n in range(1 << 20)))


def around_one(size: int) -> str:
    """Models that all refer to one; whole tables, not over the size."""
    tables = size // (len(prisma_schema(200)) // 200)
    while len(prisma_schema(tables)) > size:
        tables -= 1
    return prisma_schema(tables)


def typescript(files: int, size: int) -> dict[str, bytes]:
    """Entities with a base class, enums and a barrel, documents, and services around them."""
    orders = files // 5
    found = {
        "tsconfig.json": '{"compilerOptions": {"paths": {"@app/*": ["./src/*"]}}}',
        "src/base.entity.ts": _BASE,
        "src/orders/index.ts": "".join(
            f"export * from './order{n}.entity';\n" for n in range(orders)
        ),
    }
    for n in range(orders):
        found[f"src/orders/order{n}.entity.ts"] = _ENTITY.format(n=n, m=(n + 1) % orders)
        found[f"src/orders/state{n}.enum.ts"] = (
            f"export enum State{n} {{ New = 'new', Done = 'done' }}\n"
        )
    for n in range(orders // 2):
        found[f"src/docs/doc{n}.schema.ts"] = _DOCUMENT.format(n=n)
    services = files - len(found)
    room = (size - sum(map(len, found.values()))) // services
    for n in range(services):
        head = f"import {{ Order{n % orders} }} from '@app/orders';\n"
        functions = round((room - len(head)) / len(_SERVICE.format(n=n * 10)))
        body = "".join(_SERVICE.format(n=n * 10 + at) for at in range(functions))
        found[f"src/services/service{n}.ts"] = head + body
    return {path: text.encode() for path, text in found.items()}


def _of_size(size: int, blocks: Iterator[str]) -> str:
    parts, length = [HEAD], len(HEAD)
    while length < size:
        parts.append(next(blocks))
        length += len(parts[-1])
    return "".join(parts)


def _realistic() -> Iterator[str]:
    """Blocks of ten models, each of which refers to the next two of its ten."""
    for block in range(1 << 20):
        yield "".join(_model(block * 10, at) for at in range(10))


def _model(first: int, at: int) -> str:
    number = first + at
    others = [first + (at + step) % 10 for step in (1, 2)]
    referring = [first + (at - step) % 10 for step in (1, 2)]
    lines = [
        f"/// CustomerOrder{number}: one row for each thing that the service keeps.",
        f"model CustomerOrder{number} {{",
        "  id           String     @id @default(cuid())",
        *(_FIELDS[(number + step) % len(_FIELDS)] for step in range(8)),
        f"  status       Status{number}  @default(DRAFT)",
        '  createdAt    DateTime   @default(now()) @map("created_at")',
        '  updatedAt    DateTime   @updatedAt @map("updated_at")',
        "",
    ]
    for n, other in enumerate(others):
        key = f"fields: [ref{n}Id], references: [id], onDelete: Cascade"
        lines += [
            f'  ref{n}         CustomerOrder{other} @relation("{number}_{other}", {key})',
            f'  ref{n}Id       String     @map("ref{n}_id")',
        ]
    lines += [
        f'  back{n}        CustomerOrder{other}[] @relation("{other}_{number}")'
        for n, other in enumerate(referring)
    ]
    lines += ["", "  @@index([ref0Id, createdAt(sort: Desc)])", f'  @@map("orders_{number}")', "}"]
    return "\n".join(lines) + (
        f'\n\nenum Status{number} {{\n  DRAFT\n  LIVE @map("live")\n  CLOSED // final\n}}\n\n'
    )
