import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Words } from './types';
import * as all from './types';
import { Id, Num, Numeric, Text as T, Shape, Table, Turn, MapKey } from './types';
type Local = Id; type Both = 1 | 2;
@Entity(Table.name)
export class Typed {
  @PrimaryColumn() id: Id;
  @Column() n: Num;
  @Column() w: Words;
  @Column() l: Local;
  @Column() both: Both;
  @Column() num: Numeric;
  @Column() text: T;
  @Column({ nullable: true }) maybe: string | null;
  @Column({ nullable: true }) und?: number | undefined;
  @Column() lit: 'x' | 'y' = 'x';
  @Column() tpl: `a${string}`;
  @Column() day!: Date;
  @Column() readonly ro: boolean;
  @Column() yes: true | false;
  @Column({ type: 'jsonb' }) shape: Shape;
  @Column('text') any: any;
  @Column({ type: Number }) ctor: any;
  @Column({ type: String, nullable: true }) ctor2: any;
  @Column() private hidden: string;
  @Column() 'quoted name': string;
  @Column() ['computed']: string;
  @Column() ünïcode: string;
  @Column() $dollar: number;
  @Column() turn: Turn;
  @Column() mapKey: MapKey;
  @Column() nested: all.Text;
  @Column() nestedNumber: all.Numeric;
  @Column() member: Numeric.A;
}
