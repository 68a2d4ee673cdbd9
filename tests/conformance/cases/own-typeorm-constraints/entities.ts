import { Check, Column, Entity, Exclusion, ForeignKey, Index, ManyToOne, PrimaryGeneratedColumn, Unique, PrimaryColumn } from 'typeorm';
const COLUMNS = ['a', 'b'];
@Entity()
@Index(['a', 'b'])
@Index('named_idx', ['b', 'c'], { unique: true })
@Index((t: Stuff) => [t.c, t.a], { where: '"c" > 1' })
@Index('by_object', (t: Stuff) => ({ a: 1, d: -1 } as any))
@Index('skipped', { synchronize: false })
@Index(['owner', 'a'])
@Unique('uq_named', COLUMNS)
@Unique(['c', 'd'], { deferrable: 'INITIALLY IMMEDIATE' })
@Unique((t: Stuff) => [t.a, t.d])
@Check(`"c" > 0 AND "d" < 100`)
@Check('c_small', '"c" < 50')
@Exclusion(`USING gist ("a" WITH =, "b" WITH &&)`)
@Exclusion('no_two', `USING gist ("c" WITH =)`)
export class Stuff {
  @PrimaryGeneratedColumn() id: number;
  @Column() a: number;
  @Column('int4range') b: string;
  @Index({ fulltext: true }) @Column() c: number;
  @Index('idx_d', { where: 'd IS NOT NULL' }) @Unique() @Column({ nullable: true }) d: number;
  @Index({ unique: true }) @Column({ length: 20 }) e: string;
  @Index({ spatial: true }) @Column('point') f: string;
  @Column({ unique: true }) @Index() g: string;
  @ManyToOne(() => Stuff) @Index() owner: Stuff;
  @Check('h_ok', 'h <> 3') @Column() h: number;
  @ForeignKey(() => Other) @Column() otherId: number;
  @ForeignKey(() => Other, (o: any) => o.code, { name: 'fk_code', onDelete: 'CASCADE' }) @Column({ nullable: true, length: 10 }) otherCode: string;
}
@Entity()
@ForeignKey(() => Stuff, ['stuffA', 'stuffC'], ['a', 'd'])
export class Other { @PrimaryColumn() id: number; @Column({ unique: true, length: 10 }) code: string; @Column() stuffA: number; @Column({ nullable: true }) stuffC: number; }
