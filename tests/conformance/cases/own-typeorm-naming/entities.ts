import { Column, Entity, Index, JoinTable, ManyToMany, ManyToOne, OneToOne, JoinColumn, PrimaryGeneratedColumn } from 'typeorm';
class Addr { @Column() zipCode: string; @Column({ name: 'CITY' }) city: string; }
@Entity() export class BigUser { @PrimaryGeneratedColumn() userId: number; @Column({ unique: true }) eMail: string; @Index() @Column() lastSeen: Date; @Column(() => Addr) homeAddr: Addr; @ManyToMany(() => UserTeam) @JoinTable() allTeams: UserTeam[]; }
@Entity() export class UserTeam { @PrimaryGeneratedColumn('uuid') id: string; @ManyToOne(() => BigUser) teamLead: BigUser; @OneToOne(() => BigUser) @JoinColumn() coach: BigUser; }
