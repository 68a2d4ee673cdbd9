import { Column, Entity, JoinColumn, JoinTable, ManyToMany, ManyToOne, OneToMany, OneToOne, Index } from 'typeorm';
import { AbstractEntity } from '../common/abstract.entity';
import { Post } from '../posts/post.entity';
export enum RoleType { USER = 'USER', ADMIN = 'ADMIN' }
@Entity({ name: 'users' })
export class UserEntity extends AbstractEntity<any> {
  @Column({ nullable: true, type: 'varchar' }) firstName!: string | null;
  @Column({ type: 'enum', enum: RoleType, default: RoleType.USER }) roleType!: RoleType;
  @Index() @Column({ unique: true, nullable: true, type: 'varchar' }) emailAddress!: string | null;
  @OneToOne(() => UserSettings, (s) => s.user) settings?: any;
  @OneToMany(() => Post, (p) => p.author) posts!: Post[];
  @ManyToMany(() => UserEntity) @JoinTable() followers: UserEntity[];
  @ManyToMany(() => Post) @JoinTable({ name: 'user_likes', joinColumn: { name: 'liker' } }) likedPosts: Post[];
}
export { UserEntity as User };
@Entity({ name: 'user_settings' })
export class UserSettings extends AbstractEntity { @Column({ default: false }) isEmailVerified?: boolean; @Column({ type: 'uuid' }) userId?: string; @OneToOne(() => UserEntity, (u) => u.settings, { onDelete: 'CASCADE', onUpdate: 'CASCADE' }) @JoinColumn({ name: 'user_id' }) user?: UserEntity; }
