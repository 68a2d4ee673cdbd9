import { IsEmail } from 'class-validator';
import { Entity } from 'typeorm';
import { AppEntity, Flag, Indexed, Money, PrimaryKey, Slug, Stamp, Tiny } from './decorators';
@AppEntity('orders')
export class Order { @PrimaryKey() id: string; @Tiny.Code() code: string; @Money() total: string; @Money({ nullable: true, default: null, name: 'tax_amount' }) tax: string; @Slug() slug: string; @Indexed('by_note') note: string; @Indexed() plain: string; @Stamp() stamped: Date; @Flag paid: boolean; @IsEmail() ignored: string; }
