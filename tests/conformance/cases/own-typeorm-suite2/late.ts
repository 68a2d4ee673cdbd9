import { Column, Entity, OneToOne, PrimaryColumn, Relation } from 'typeorm';
import { Early } from './a';
@Entity('late_table') export class Late { @PrimaryColumn('int', { name: 'late_id' }) id: number; @Column({ type: 'varchar', length: 3, name: 'late_part', primary: false } as any) part: string; @OneToOne(() => Early, (e) => e.late) early: Relation<Early>; }
