import { Column, ColumnOptions } from "typeorm";

/** The one way to keep an e-mail address. */
export const EmailColumn = (options: ColumnOptions = {}) =>
  Column({ type: "varchar", length: 320, ...options });

export class Contact {
  @EmailColumn({ nullable: true })
  email?: string;

  @Column({ length: 32, nullable: true })
  phone?: string;
}
