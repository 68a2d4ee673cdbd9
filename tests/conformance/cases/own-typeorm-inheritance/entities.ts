import { ChildEntity, Column, Entity, Index, JoinColumn, ManyToMany, JoinTable, ManyToOne, OneToOne, PrimaryGeneratedColumn, TableInheritance } from 'typeorm';
import OwnedBase, { Dated, Root } from './base';
import { Owner } from './owner';

@Entity() export class Car extends OwnedBase { @Column() wheels: number; @Column('text', { default: 'car' }) note: string; }
@Entity('boats') export class Boat extends OwnedBase { @Column('real') draught: number; }
@Entity() export class Log extends Dated { @Column({ type: 'text' }) line: string; }
@Entity() export class OldLog extends Log { @Column() archived: boolean; }
@Entity() export class Bare extends Root {}

@Entity() @TableInheritance({ column: { type: String, name: 'discr', length: 30 } })
export class Animal { @PrimaryGeneratedColumn() id: number; @Column() name: string; }
@ChildEntity() export class Dog extends Animal {
  @Column() breed: string;
  @ManyToOne(() => Owner, { nullable: false }) master: Owner;
  @ManyToMany(() => Owner) @JoinTable() walkers: Owner[];
}
@ChildEntity('kitty') export class Cat extends Animal { @Column({ default: 9 }) lives: number; @Column({ name: 'fav_food', unique: true }) food: string; @Index() @Column() colour: string; }
@ChildEntity() export class Lion extends Cat { @Column() mane: boolean; }
@Entity() export class Kennel { @PrimaryGeneratedColumn() id: number; @OneToOne(() => Dog) @JoinColumn() guard: Dog; }

@Entity() @TableInheritance({ column: { type: 'enum', enum: ['a', 'b'], name: 'payKind' } })
export class Payment { @PrimaryGeneratedColumn() id: number; }
@ChildEntity('a') export class CardPayment extends Payment { @Column({ length: 4 }) last4: string; }
