import { Column, DataSource, Entity, Index, ManyToOne, PrimaryGeneratedColumn, ViewColumn, ViewEntity } from 'typeorm';
@Entity() export class Account { @PrimaryGeneratedColumn() id: number; @Column() name: string; @Column({ default: 0 }) balance: number; }
const where = 'balance > 0';
@ViewEntity('rich_accounts', { expression: `SELECT "id", "name" FROM "account" WHERE ${where};`.replace(';', '') })
export class RichAccounts { @ViewColumn() id: number; @ViewColumn({ name: 'name' }) label: string; }
@ViewEntity({ materialized: true, expression: `select count(*) as n from "account"` })
export class AccountCount { @ViewColumn() n: number; }
@ViewEntity({ name: 'a_second', expression: `SELECT name FROM rich_accounts`, dependsOn: [RichAccounts] })
export class Second { @ViewColumn() name: string; }
@Entity({ synchronize: false }) export class Legacy { @PrimaryGeneratedColumn() id: number; }
