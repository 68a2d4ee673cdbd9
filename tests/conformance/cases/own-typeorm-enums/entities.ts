import { Column, Entity, ManyToOne, JoinColumn, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import * as v from './values';
import { Role as TheRole, Level, LIST, pick, Group, Mixed } from './values';

@Entity('enumUsers')
export class EnumUser {
  @PrimaryGeneratedColumn() id: number;
  @Column({ type: 'enum', enum: TheRole, default: TheRole.User }) role: TheRole;
  @Column({ type: 'enum', enum: TheRole, array: true, default: [TheRole.User, TheRole.Guest] }) roles: TheRole[];
  @Column('enum', { enum: Level, default: Level.High }) level: Level;
  @Column({ type: 'enum', enum: v.Size, nullable: true, enumName: 'size_kind' }) size: v.Size;
  @Column({ type: 'enum', enum: v.Size, nullable: true, enumName: 'size_kind' }) size2: v.Size;
  @Column({ type: 'simple-enum', enum: Object.values(v.Kinds) }) kind: string;
  @Column({ type: 'enum', enum: v.Kinds }) kindObject: string;
  @Column({ type: 'enum', enum: LIST, default: LIST[0] }) listed: string;
  @Column({ type: 'enum', enum: [...LIST, 'z'] }) more: string;
  @Column({ type: 'enum', enum: pick('p') }) picked: string;
  @Column({ type: 'enum', enum: Group.Inner }) inner: Group.Inner;
  @Column({ type: 'enum', enum: Mixed }) mixed: Mixed;
  @Column({ type: 'enum', enum: ["it's", 'two words', ''] }) odd: string;
  @Column({ type: 'varchar', enum: TheRole }) loose: string;
  @Column() plainString: TheRole;
  @Column() plainNumber: Level;
  @Column({ enum: TheRole }) noType: TheRole;
  @Column({ name: 'Named_Enum', type: 'enum', enum: ['q'] }) named: string;
}
@Entity({ schema: 'other' })
export class Keyed { @PrimaryColumn({ type: 'enum', enum: TheRole }) role: TheRole; @Column({ type: 'enum', enum: TheRole, enumName: 'shared_role' }) r: TheRole; }
