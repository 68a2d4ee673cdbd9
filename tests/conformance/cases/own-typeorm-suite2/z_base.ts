import { Column, Index, ManyToOne, JoinColumn, PrimaryGeneratedColumn, Unique, Check, AfterInsert } from 'typeorm';
@Index(['label', 'created']) @Unique('uq_label', ['label']) @Check('"label" <> \'\'')
export abstract class Base { @PrimaryGeneratedColumn('uuid', { name: 'uid' }) id: string; @Column({ length: 20 }) label: string; @Column({ type: 'timestamptz', default: () => 'now()' }) created: Date; @ManyToOne(() => require('./late').Late, { nullable: true }) @JoinColumn({ name: 'base_late' }) baseLate: object; @AfterInsert() go() {} }
