import "reflect-metadata";
import { DataSource } from "typeorm";
import { SnakeNamingStrategy } from "typeorm-naming-strategies";

import { Agent, Article, Attachment, Customer, Message, Tag, Team, Ticket } from "./entities";

export const dataSource = new DataSource({
  type: "postgres",
  url: process.env.DATABASE_URL,
  entities: [Agent, Article, Attachment, Customer, Message, Tag, Team, Ticket],
  namingStrategy: new SnakeNamingStrategy(),
  synchronize: false,
});
