import { Column, Entity, ManyToOne } from 'typeorm';
import { Named, Stamped, WithAll, WithId } from './mixins';
@Entity() export class Workflow extends WithAll { @Column() title: string; @ManyToOne(() => Project) project: any; }
@Entity() export class Project extends Named(Stamped(WithId), 80) { @Column('json') settings: object; }
@Entity() export class Label extends Named(WithId) {}
