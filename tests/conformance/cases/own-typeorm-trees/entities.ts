import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn, Tree, TreeChildren, TreeLevelColumn, TreeParent, ManyToOne, JoinColumn } from 'typeorm';
@Entity() @Tree('closure-table')
export class Topic { @PrimaryGeneratedColumn('uuid') id: string; @Column() label: string; @TreeChildren({ cascade: true }) children: Topic[]; @TreeParent() parent: Topic; @TreeLevelColumn() level: number; }
@Entity('menu_items') @Tree('closure-table', { closureTableName: 'menu_links', ancestorColumnName: (c) => 'ancestor_' + c.propertyName, descendantColumnName: (column) => `descendant_${column.propertyName}` })
export class MenuItem { @PrimaryColumn({ length: 20 }) key: string; @TreeChildren() items: MenuItem[]; @TreeParent({ onDelete: 'CASCADE' }) @JoinColumn({ name: 'parent_key' }) up: MenuItem; }
@Entity({ schema: 'geo' }) @Tree('materialized-path')
export class Area { @PrimaryGeneratedColumn() id: number; @TreeChildren() parts: Area[]; @TreeParent() whole: Area; @Column({ nullable: true }) wholeId: number; }
@Entity() @Tree('nested-set')
export class Dept { @PrimaryGeneratedColumn() id: number; @TreeChildren() children: Dept[]; @TreeParent() parent: Dept; }
@Entity() @Tree('adjacency-list' as any)
export class Plain { @PrimaryGeneratedColumn() id: number; @TreeChildren() children: Plain[]; @TreeParent() parent: Plain; }
