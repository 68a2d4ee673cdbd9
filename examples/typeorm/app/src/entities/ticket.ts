import {
  Column,
  Entity,
  Generated,
  Index,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  VersionColumn,
  ChildEntity,
} from "typeorm";

import { Dated, Identified } from "./base";
import { Channel, CHANNELS, Priority, TicketState } from "./enums";
import { Agent, Customer } from "./people";

@Entity("tickets")
@Index("open_tickets", ["state", "priority"], { where: `"deleted_at" IS NULL` })
export class Ticket extends Dated {
  @Column()
  @Generated("increment")
  number: number;

  @Column({ length: 200 })
  subject: string;

  @Column({ type: "enum", enum: TicketState, default: TicketState.New })
  state: TicketState;

  @Column({ type: "smallint", default: Priority.Normal })
  priority: Priority;

  @Column({ type: "enum", enum: CHANNELS, enumName: "channel" })
  channel: Channel;

  @VersionColumn()
  revision: number;

  @ManyToOne(() => Customer, { nullable: false, onDelete: "CASCADE" })
  customer: Customer;

  @ManyToOne(() => Agent, (agent) => agent.tickets, { onDelete: "SET NULL" })
  @JoinColumn({ name: "assigned_to" })
  assignee?: Agent;

  @OneToMany(() => Message, (message) => message.ticket)
  messages: Message[];

  @ManyToMany(() => Tag)
  @JoinTable({ name: "ticket_tags" })
  tags: Tag[];
}

@Entity("messages")
@TableInheritance({ column: { type: "varchar", name: "kind" } })
export class Message extends Dated {
  @Column("text")
  body: string;

  @ManyToOne(() => Ticket, (ticket) => ticket.messages, { nullable: false, onDelete: "CASCADE" })
  ticket: Ticket;
}

@ChildEntity("reply")
export class Reply extends Message {
  @Column("timestamptz", { nullable: true })
  sentAt?: Date;
}

@ChildEntity("note")
export class InternalNote extends Message {
  @ManyToOne(() => Agent, { onDelete: "SET NULL" })
  author: Agent;
}

@Entity("attachments")
export class Attachment extends Identified {
  @ManyToOne(() => Message, { nullable: false, onDelete: "CASCADE" })
  message: Message;

  @Column()
  fileName: string;

  @Column({ type: "bigint" })
  size: string;

  @Column({ type: "char", length: 64, comment: "SHA-256, hexadecimal" })
  digest: string;
}

@Entity("tags")
export class Tag {
  @PrimaryGeneratedColumn()
  id: number;

  @Column({ unique: true, length: 40 })
  label: string;
}

@Entity("articles")
@Tree("closure-table")
export class Article extends Dated {
  @Column({ unique: true })
  slug: string;

  @Column("text")
  text: string;

  @OneToOne(() => Ticket, { onDelete: "SET NULL" })
  @JoinColumn({ name: "born_of_ticket" })
  bornOf?: Ticket;

  @TreeChildren()
  chapters: Article[];

  @TreeParent({ onDelete: "CASCADE" })
  book: Article;
}
