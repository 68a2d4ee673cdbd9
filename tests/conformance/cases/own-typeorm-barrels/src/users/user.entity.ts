import { Column, Entity, OneToMany } from 'typeorm';
import { BaseEntity, DEFAULT_OPTIONS, Nullable } from '@/shared';
import { Order } from 'src/orders/order.entity';
@Entity({ name: 'users' })
export class User extends BaseEntity { @Column(DEFAULT_OPTIONS) name: string; @Column({ ...Nullable, unique: true }) email: string; @OneToMany(() => Order, (o) => o.user) orders: Order[]; }
