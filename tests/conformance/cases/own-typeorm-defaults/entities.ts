import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';
const DAY = 24 * 60 * 60;
class Limits { static readonly MAX = 10; static names = { first: 'one' }; }
function nothing() { return 'unused'; }
@Entity()
export class Defaults {
  @PrimaryGeneratedColumn() id: number;
  @Column({ default: 'plain' }) a: string;
  @Column({ default: '' }) empty: string;
  @Column({ default: "it''s" }) quoted: string;
  @Column({ default: 5 }) b: number;
  @Column({ default: -1.5, type: 'float' }) c: number;
  @Column({ default: DAY }) d: number;
  @Column({ default: Limits.MAX }) e: number;
  @Column({ default: Limits.names.first }) f: string;
  @Column({ default: true }) g: boolean;
  @Column({ default: () => 'now()' }) h: Date;
  @Column({ default: () => 'CURRENT_TIMESTAMP' }) i: Date;
  @Column({ type: 'timestamptz', default: () => 'CURRENT_TIMESTAMP(3)' }) j: Date;
  @Column({ type: 'date', default: () => 'CURRENT_DATE' }) k: string;
  @Column({ type: 'time', default: () => 'LOCALTIME' }) l: string;
  @Column({ type: 'jsonb', default: { a: 1, b: ['x'], c: { d: null } } }) m: object;
  @Column({ type: 'jsonb', default: [] }) n: object;
  @Column({ type: 'jsonb', default: () => "'[]'::jsonb" }) o: object;
  @Column('text', { array: true, default: ['a', 'b'] }) p: string[];
  @Column('int', { array: true, default: [1, 2] }) q: number[];
  @Column('text', { array: true, default: () => "ARRAY['x']::text[]" }) r: string[];
  @Column({ type: 'uuid', default: () => 'gen_random_uuid()' }) s: string;
  @Column({ default: null }) t: string;
  @Column({ type: 'bigint', default: '0' }) u: string;
  @Column({ type: 'simple-json', default: '{}' }) v: object;
  @Column({ type: 'text', default: `multi ${DAY}` }) w: string;
  @Column({ type: 'interval', default: '1 day' }) x: string;
  @Column('numeric', { precision: 10, scale: 2, default: () => '0.5 * 2' }) y: string;
  @Column({ type: 'text', default: 'back\\slash' }) z: string;
  @Column({ type: 'timestamp', default: () => "timezone('utc', now())" }) utc: Date;
  @Column({ default: undefined }) none: string;
  @Column({ type: 'boolean', default: 'false' }) boolText: boolean;
  @Column({ default: () => "concat('a', 'b')" }) fn: string;
}
