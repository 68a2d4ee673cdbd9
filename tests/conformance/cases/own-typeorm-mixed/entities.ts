import 'reflect-metadata';
import { BaseEntity, BeforeUpdate, Column, Entity, EventSubscriber, getRepository, In, Index, JoinColumn, ManyToOne, OneToMany, PrimaryColumn, PrimaryGeneratedColumn, Unique, type Relation } from 'typeorm';
import { IsOptional, Length, MaxLength } from 'class-validator';
import { Transform, Type } from 'class-transformer';
// @Entity() export class Commented { @PrimaryGeneratedColumn() id: number; }
/* @Entity('gone') class Gone {} */
const text = `@Entity() class InString { @Column() x: string }`;
const numeric = { transformer: { to: (v: number) => v, from: (v: string) => Number(v) }, type: 'numeric' as const };
export enum Currency { EUR = 'EUR', USD = 'USD' }
@Entity({ name: "select", orderBy: { order: 'ASC' } })
@Unique(["order", "from"])
export class Keyword extends BaseEntity {
  @PrimaryGeneratedColumn("increment") public readonly id!: number
  @Column({ name: "order", nullable: false }) order!: number
  @Column("varchar", { length: 255, nullable: true }) public from?: string
  @Column({ ...numeric, precision: 10, scale: 2, nullable: true }) @Type(() => Number) @IsOptional() amount: number | null = null
  @Column({ type: 'varchar', length: 3, default: Currency.EUR }) @Length(3) currency: Currency
  @Column({ name: 'käse', default: 'x' }) cheese: string
  @Column({ type: "boolean", default: () => "true" }) active: boolean
  @ManyToOne((_type) => Keyword, (k) => k.children, { lazy: true, onDelete: "CASCADE" }) @JoinColumn({ name: "parent id" }) parent: Promise<Keyword>
  @OneToMany((_) => Keyword, (k) => k.parent) children: Keyword[]
  constructor(partial?: Partial<Keyword>) { super(); Object.assign(this, partial) }
  static async findOne2(id: number) { return getRepository(Keyword).findOne({ where: { id: In([id]) } }) }
  @BeforeUpdate() touch() { this.order++ }
}
@EventSubscriber() export class Sub {}
@Index(['a', 'b'], { unique: true })
@Entity()
export class NoExport { @PrimaryColumn('uuid', { default: () => 'gen_random_uuid()' }) id: string; @Column() a: string; @Column() b: string; @Index('lower_a', { synchronize: false }) c: string }
export default class { x = 1 }
