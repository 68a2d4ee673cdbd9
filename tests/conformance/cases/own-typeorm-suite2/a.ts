import { ChildEntity, Column, Entity, Index, JoinColumn, JoinTable, ManyToMany, ManyToOne, OneToMany, OneToOne, PrimaryColumn, PrimaryGeneratedColumn, TableInheritance, Tree, TreeChildren, TreeParent, Unique, EntitySchema, TreeLevelColumn } from 'typeorm';
import { Base } from './z_base';
import { Late } from './late';
@Entity() @Tree('closure-table') @TableInheritance({ column: { type: 'varchar', name: 'nodeType' } })
export class Node { @PrimaryGeneratedColumn() id: number; @Column() name: string; @TreeChildren() kids: Node[]; @TreeParent() parent: Node; }
@ChildEntity() export class Leaf extends Node { @Column() colour: string; }
@Entity() @Unique(['late']) @Index(['late', 'name'])
export class Early extends Base { @OneToOne(() => Late, (l) => l.early, { onDelete: 'RESTRICT', deferrable: 'INITIALLY IMMEDIATE' }) @JoinColumn() late: any; @Column({ length: 5 }) name: string; @Column({ length: 10, comment: 'overrides nothing' }) label: string; @Column({ type: 'int', nullable: true }) leafId: number; @ManyToOne(() => Leaf, { nullable: false }) leaf: Leaf; }
@Entity() export class Many { @PrimaryGeneratedColumn() id: number;
  @ManyToMany(() => Leaf) @JoinTable({ name: 'many_leaf', joinColumn: { name: 'many' }, inverseJoinColumn: { name: 'leaf', foreignKeyConstraintName: 'fk_leaf' } }) leaves: Leaf[];
  @ManyToMany(() => Early, { onDelete: 'SET NULL', onUpdate: 'NO ACTION' }) @JoinTable() earlies: Early[];

  @Column({ nullable: true }) thingCode: string; }
export const ThingSchema = new EntitySchema({ name: 'Thing', columns: { code: { type: String, primary: true, length: 8 }, note: { type: 'text', nullable: true, default: null }, at: { type: Date, default: () => 'CURRENT_TIMESTAMP' }, on: { type: Boolean, default: false }, deleted: { type: 'timestamp', deleteDate: true, select: false }, flags: { type: 'varchar', array: true } } as any, relations: { twin: { type: 'one-to-one', target: 'Thing', joinColumn: true } } } as any);
