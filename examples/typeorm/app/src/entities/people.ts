import { Check, Column, Entity, Index, JoinColumn, JoinTable, ManyToMany, ManyToOne, OneToMany, Unique } from "typeorm";

import { Dated, Identified } from "./base";
import { Contact, EmailColumn } from "./columns";
import { Ticket } from "./ticket";

@Entity("teams")
export class Team extends Identified {
  @Column({ unique: true, length: 60 })
  name: string;

  @ManyToOne(() => Team, (team) => team.parts, { onDelete: "SET NULL" })
  partOf?: Team;

  @OneToMany(() => Team, (team) => team.partOf)
  parts: Team[];

  @ManyToMany(() => Agent, (agent) => agent.teams)
  agents: Agent[];
}

@Entity("agents")
@Unique(["email"])
@Check("workload_is_sane", `"workload" BETWEEN 0 AND 100`)
export class Agent extends Dated {
  @EmailColumn()
  email: string;

  @Column()
  fullName: string;

  @Column({ type: "smallint", default: 0 })
  workload: number;

  @Column("text", { array: true, default: [] })
  languages: string[];

  @ManyToMany(() => Team, (team) => team.agents, { cascade: true })
  @JoinTable({ name: "team_members" })
  teams: Team[];

  @OneToMany(() => Ticket, (ticket) => ticket.assignee)
  tickets: Ticket[];
}

@Entity("customers")
@Index(["company", "name"])
export class Customer extends Dated {
  @Column()
  name: string;

  @Column({ nullable: true })
  company?: string;

  @Column(() => Contact)
  contact: Contact;

  @Column(() => Contact, { prefix: "billing" })
  billing: Contact;

  @Column("jsonb", { default: {} })
  preferences: Record<string, unknown>;

  @ManyToOne(() => Agent, { nullable: true, onDelete: "SET NULL" })
  @JoinColumn({ name: "account_manager" })
  accountManager?: Agent;
}
