import * as orm from 'typeorm';
import { BaseEntity } from '@/shared/entities';
import { User } from '../users/user.entity';
const { Column } = orm;
@orm.Entity('orders')
export class Order extends BaseEntity { @orm.ManyToOne(() => User, 'orders', { onDelete: 'CASCADE' }) @orm.JoinColumn({ name: 'user_id' }) user: orm.Relation<User>; @orm.RelationId((o: Order) => o.user) userId: string; @Column('int') amount: number; }
