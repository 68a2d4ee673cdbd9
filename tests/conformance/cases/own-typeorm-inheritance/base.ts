import { BaseEntity, Column, CreateDateColumn, Index, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { Owner } from './owner';

export abstract class Root extends BaseEntity {
  @PrimaryGeneratedColumn('uuid') id: string;
}
export abstract class Dated<TKind extends string = string> extends Root {
  @CreateDateColumn() createdAt: Date;
  @Index() @Column('varchar', { nullable: true, default: 'base' }) kind: TKind;
}
export default abstract class Owned extends Dated<'a'> {
  @ManyToOne(() => Owner, { onDelete: 'CASCADE' }) owner: Owner;
  @Column('text', { default: 'n/a' }) note: string;
}
