import { Column, CreateDateColumn, DeleteDateColumn, Entity, Generated, PrimaryColumn, PrimaryGeneratedColumn, UpdateDateColumn, VersionColumn, VirtualColumn, RelationId, BeforeInsert } from 'typeorm';

const NAMES = { table: 'all_columns', note: 'note' } as const;

@Entity(NAMES.table, { comment: 'every kind of column' })
export class Everything {
  @PrimaryGeneratedColumn('identity', { generatedIdentity: 'BY DEFAULT', type: 'bigint', comment: 'key', primaryKeyConstraintName: 'pk_everything' }) id: string;
  @Column() text: string;
  @Column() count: number;
  @Column() on: boolean;
  @Column() day: Date;
  @Column({ name: NAMES.note, type: 'varchar', length: '120', nullable: true, comment: "it's" }) remark?: string | null;
  @Column('numeric', { precision: 10, scale: 3 }) price: string;
  @Column({ type: 'decimal', precision: 5 }) rate: number;
  @Column('char') one: string;
  @Column('char', { length: 3 }) three: string;
  @Column('timestamp', { precision: 3 }) t3: Date;
  @Column({ type: 'timestamp with time zone', precision: 0 }) tz0: Date;
  @Column('timestamptz') tz: Date;
  @Column('time') time: string;
  @Column('time with time zone') timetz: string;
  @Column('interval', { nullable: true }) gap: string;
  @Column('date') date: string;
  @Column('int2') small: number;
  @Column('bigint') big: string;
  @Column('real') real: number;
  @Column('double precision') double: number;
  @Column('float4') f4: number;
  @Column('money') money: string;
  @Column('citext') ci: string;
  @Column('hstore') hs: object;
  @Column('bytea') raw: Buffer;
  @Column('bit', { length: 4 }) bits: string;
  @Column('varbit') vb: string;
  @Column('inet') ip: string;
  @Column('cidr') net: string;
  @Column('macaddr') mac: string;
  @Column('tsvector') tsv: string;
  @Column('xml') xml: string;
  @Column('jsonb', { array: false, default: {} }) doc: object;
  @Column('json', { nullable: true }) old: object;
  @Column('point') point: object;
  @Column('polygon') poly: string;
  @Column('int4range') range: string;
  @Column('tstzrange') tstz: string;
  @Column('uuid') ref: string;
  @Column('uuid', { array: true, default: [] }) refs: string[];
  @Column('varchar', { length: 10, array: true, nullable: true }) codes: string[];
  @Column('simple-array') list: string[];
  @Column('simple-json', { nullable: true }) blob: object;
  @Column({ collation: 'C' }) sorted: string;
  @Column({ select: false, update: false, insert: false }) hidden: string;
  @Column() @Generated('increment') seq: number;
  @Column() @Generated('uuid') token: string;
  @Column({ generated: 'uuid', type: 'uuid' }) other: string;
  @Column({ type: 'varchar', asExpression: `"text" || '!'`, generatedType: 'STORED' }) shout: string;
  @CreateDateColumn() created: Date;
  @CreateDateColumn({ type: 'timestamptz', precision: 6, default: () => 'CURRENT_TIMESTAMP(6)' }) created6: Date;
  @UpdateDateColumn({ name: 'updated_at', nullable: true }) updated: Date;
  @DeleteDateColumn({ type: 'timestamptz' }) deleted?: Date;
  @VersionColumn({ name: 'v' }) version: number;
  @VirtualColumn({ query: (a) => `SELECT 1` }) virtual: number;
  computed: string;
  @BeforeInsert() before() {}
  get size(): number { return 1; }
}

@Entity()
export class TwoKeys {
  @PrimaryColumn({ type: 'int', name: 'left_key' }) left: number;
  @PrimaryColumn('text') right: string;
}

@Entity()
export class SmallKey { @PrimaryGeneratedColumn({ type: 'smallint', name: 'sid' }) id: number; }

@Entity()
export class RowId { @PrimaryGeneratedColumn('rowid') id: string; @Column({ primary: true, type: 'varchar' }) more: string; }
