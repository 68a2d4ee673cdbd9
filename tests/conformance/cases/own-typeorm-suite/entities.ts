import { AfterLoad, ChildEntity, Column, CreateDateColumn, Entity, Generated, Index, JoinColumn, JoinTable, ManyToMany, ManyToOne, OneToMany, OneToOne, PrimaryColumn, PrimaryGeneratedColumn, RelationCount, RelationId, TableInheritance, Tree, TreeChildren, TreeParent, Unique, UpdateDateColumn, VersionColumn } from 'typeorm';

@Entity() export class Category { @PrimaryGeneratedColumn() id: number; @Column({ name: 'category_code', unique: true }) code: string; @Column({ unique: true }) version: number; @ManyToMany('Post', 'categories') posts: any[]; @ManyToMany(() => Post2, (p) => p.counters.cats) embeddedPosts: any[]; }

class Inner { @Column({ nullable: true }) deep: string; @ManyToOne(() => Category, { onDelete: 'CASCADE' }) inCat: Category; }
export class Counters {
  @Column() likes: number;
  @CreateDateColumn() made: Date;
  @UpdateDateColumn({ name: 'changed' }) changed: Date;
  @VersionColumn() v: number;
  @ManyToMany(() => Category, (c) => c.embeddedPosts) @JoinTable() cats: Category[];
  @ManyToMany(() => Category) @JoinTable({ name: 'named_cats', joinColumn: { name: 'p' }, inverseJoinColumn: { name: 'code', referencedColumnName: 'code' } }) codes: Category[];
  @OneToOne(() => Category) @JoinColumn() best: Category;
  @ManyToOne(() => Category) @JoinColumn({ name: 'worst_cat', referencedColumnName: 'code' }) worst: Category;
  @Column(() => Inner) inner: Inner;
}

@Entity() @Index(['counters.likes', 'title']) @Unique(['counters.inner.deep'])
export class Post2 { @PrimaryGeneratedColumn() id: number; @Column() title: string; @Column(() => Counters) counters: Counters; @Column(() => Counters, { prefix: 'more' }) second: Counters; }

@Entity() export class Post {
  @PrimaryColumn() left: string;
  @PrimaryColumn({ generated: true, type: 'int' }) seq: number;
  @Column({ primary: false, unique: true }) @Index({ unique: true }) title: string;
  @ManyToMany(() => Category, (c) => c.posts) @JoinTable() categories: Category[];
  @ManyToMany(() => Category) @JoinTable({ name: 'post_cats', joinColumns: [{ name: 'l', referencedColumnName: 'left' }, { name: 's', referencedColumnName: 'seq' }], inverseJoinColumns: [{ name: 'cat_code', referencedColumnName: 'code' }] }) byCode: Category[];
  @ManyToMany(() => Post, (p) => p.followedBy) @JoinTable() follows: Post[];
  @ManyToMany(() => Post, (p) => p.follows) followedBy: Post[];
  @RelationId((p: Post) => p.categories) categoryIds: number[];
  @OneToMany(() => Detail, (d) => d.post) details: Detail[];
  @AfterLoad() x() {}
}
@Entity() export class Detail {
  @PrimaryGeneratedColumn('uuid') id: string;
  @ManyToOne(() => Post, (p) => p.details, { nullable: false, onDelete: 'CASCADE' }) @JoinColumn([{ name: 'post_left', referencedColumnName: 'left' }, { name: 'post_seq', referencedColumnName: 'seq' }]) post: Post;
  @ManyToOne(() => Category) @JoinColumn({ referencedColumnName: 'code' }) byCode: Category;
  @ManyToOne(() => Category, { onDelete: 'SET NULL' }) @JoinColumn({ name: 'categoryVersion', referencedColumnName: 'version' }) byVersion: Category;
  @Column('int', { nullable: true }) categoryVersion: number;
  @OneToOne(() => Detail) @JoinColumn({ name: 'twin' }) twin: Detail;
  @OneToOne(() => Post) @JoinColumn() wholePost: Post;
}
@Entity() @TableInheritance({ pattern: 'STI', column: { name: 'type', type: 'varchar', nullable: true, length: 40 } })
export class Person { @PrimaryGeneratedColumn() id: number; @Column() name: string; @Column({ nullable: true }) type: string; @Column(() => Inner) inner: Inner; }
@ChildEntity('emp') export class Employee extends Person { @Column({ default: 5 }) salary: number; @OneToOne(() => Category, { onDelete: 'CASCADE' }) @JoinColumn() dept: Category; @Column(() => Inner, { prefix: 'emp' }) extra: Inner; }

@ChildEntity() @Index(['level']) export class Boss extends Employee { @Column() level: number; @ManyToMany(() => Employee) @JoinTable() reports: Employee[]; @ManyToOne(() => Boss) over: Boss; }
@Entity() export class Desk { @PrimaryGeneratedColumn() id: number; @ManyToOne(() => Employee, { onDelete: 'CASCADE' }) owner: Employee; @ManyToMany(() => Boss) @JoinTable() bosses: Boss[]; }

@Entity() export class Numbered { @PrimaryColumn('bigint') @Generated() id: string; @Column({ type: 'int', unsigned: true, zerofill: true, width: 8 } as any) w: number; @Column('timestamp', { precision: null, nullable: true } as any) t: Date; @Column('decimal', { precision: 10, scale: 0 }) d: string; }
@Entity('Quoted Name') export class Quoted { @PrimaryGeneratedColumn({ name: 'The Id' }) id: number; @Column({ type: 'enum', enum: ['a'], default: 'a' }) 'Mixed Case': string; @ManyToOne(() => Quoted) 'up rel': Quoted; @Index() @Column('text', { array: true, default: () => "'{}'" }) arr: string[]; @Column('enum', { enum: ['x', 'y'], array: true, default: '{x}' }) en: string[]; }
export { Category as Cat };
