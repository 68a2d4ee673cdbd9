import { Column, Entity, JoinColumn, Relation, JoinTable, ManyToMany, ManyToOne, OneToMany, OneToOne, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class Author {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column({ unique: true, length: 40 }) handle: string;
  @OneToMany(() => Book, (book) => book.author) books: Book[];
  @ManyToMany('Book', 'coAuthors') coAuthored: Book[];
}

@Entity('books')
export class Book {
  @PrimaryGeneratedColumn() id: number;
  @ManyToOne(() => Author, (author) => author.books, { nullable: false, onDelete: 'CASCADE', onUpdate: 'RESTRICT' })
  author: Author;
  @ManyToOne(() => Author, { onDelete: 'SET NULL', deferrable: 'INITIALLY DEFERRED' })
  @JoinColumn({ name: 'editor_handle', referencedColumnName: 'handle', foreignKeyConstraintName: 'fk_editor' })
  editor: Author | null;
  @ManyToMany(() => Author, (author) => author.coAuthored, { onDelete: 'RESTRICT' })
  @JoinTable({ name: 'book_co_authors', joinColumn: { name: 'book_id', foreignKeyConstraintName: 'fk_b' }, inverseJoinColumn: { name: 'author_id' } })
  coAuthors: Author[];
  @ManyToMany(() => Book, (book) => book.relatedTo)
  @JoinTable()
  related: Book[];
  @ManyToMany(() => Book, (book) => book.related) relatedTo: Book[];
  @OneToOne(() => Cover, (cover) => cover.book, { cascade: true }) cover: Relation<Cover>;
}

@Entity({ name: 'covers' })
export class Cover {
  @PrimaryColumn() bookId: number;
  @OneToOne(() => Book, (book) => book.cover, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'bookId' })
  book: Book;
  @OneToOne(() => Author) @JoinColumn() artist: Author;
}

@Entity()
export class Edition {
  @PrimaryColumn() bookId: number;
  @PrimaryColumn({ length: 13 }) isbn: string;
  @ManyToOne(() => Book) @JoinColumn({ name: 'bookId' }) book: Book;
  @ManyToMany(() => Store) @JoinTable() stores: Store[];
}

@Entity()
export class Store {
  @PrimaryColumn('varchar', { length: 2 }) country: string;
  @PrimaryColumn('int') number: number;
  @OneToMany(() => Sale, (sale) => sale.store) sales: Sale[];
}

@Entity()
export class Sale {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @ManyToOne(() => Store, (store) => store.sales)
  @JoinColumn([{ name: 'store_country', referencedColumnName: 'country' }, { name: 'store_number', referencedColumnName: 'number' }])
  store: Store;
  @ManyToOne(() => Edition) edition: Edition;
  @ManyToOne(() => Sale, { createForeignKeyConstraints: false }) corrects: Sale;
  @Column({ nullable: true }) buyerId: string;
  @ManyToOne(() => Author) buyer: Author;
  @ManyToMany(() => Author, { createForeignKeyConstraints: false }) @JoinTable() sellers: Author[];
}
