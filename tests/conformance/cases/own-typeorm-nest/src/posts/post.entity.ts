import { Column, Entity, JoinColumn, ManyToOne, OneToMany, Relation } from 'typeorm';
import { AbstractEntity } from '../common/abstract.entity';
import { UserEntity } from '../users/user.entity';
@Entity()
export class Post extends AbstractEntity {
  @Column({ type: 'uuid' }) authorId!: string;
  @ManyToOne(() => UserEntity, (u) => u.posts, { onDelete: 'CASCADE', onUpdate: 'CASCADE' }) @JoinColumn() author!: Relation<UserEntity>;
  @OneToMany(() => PostTranslation, (t) => t.post) translations?: Relation<PostTranslation[]>;
}
@Entity()
export class PostTranslation extends AbstractEntity { @Column() languageCode!: string; @ManyToOne(() => Post, (p) => p.translations) post: Relation<Post>; }
