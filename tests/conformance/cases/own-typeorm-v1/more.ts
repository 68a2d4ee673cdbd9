import { Column, Entity, Exclusion, Index, ManyToMany, JoinTable, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
@Entity() @Exclusion('only_one', 'USING gist (span WITH &&)', { deferrable: 'INITIALLY DEFERRED' } as any)
export class Slot { @PrimaryGeneratedColumn() id: number; @Column('tsrange') span: string; @Index({ type: 'gin' } as any) @Column('jsonb', { default: { a: "it's" } }) data: object; @Index({ type: 'hash' } as any) @Column() 'odd name': string;
  @ManyToMany(() => Holder, (h) => h.slots) @JoinTable({ name: 'slot_holders' }) holders: Holder[]; }
@Entity() export class Holder { @PrimaryColumn() a: string; @PrimaryColumn() b: number; @ManyToMany(() => Slot, (s) => s.holders, { onDelete: 'RESTRICT' }) slots: Slot[]; }
