import { applyDecorators } from '@nestjs/common';
import { Column, ColumnOptions, CreateDateColumn, Entity, EntityOptions, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { IsString } from 'class-validator';
export function PrimaryKey() { return PrimaryGeneratedColumn('uuid'); }
export const Money = (options: ColumnOptions = {}) => Column({ type: 'numeric', precision: 12, scale: 2, default: 0, ...options });
export function Slug(length = 60): PropertyDecorator {
  return applyDecorators(Column({ type: 'varchar', length, unique: true }), IsString());
}
export function Indexed(name?: string) {
  return function (target: object, key: string) {
    if (name) { Index(name)(target, key); }
    Column({ type: 'text', nullable: !!name })(target, key);
  };
}
export function Stamp(): PropertyDecorator { return (target, key) => { CreateDateColumn({ type: 'timestamptz', name: 'stamped_at' })(target, key as string); }; }
export const AppEntity = (name: string, options?: EntityOptions) => applyDecorators(Entity(`app_${name}`, options), Unique(['code']));
export const compose = (...all: PropertyDecorator[]): PropertyDecorator => (target, key) => { all.forEach((one) => one(target, key)); };
export const Flag: PropertyDecorator = Column('boolean', { default: false });
export const Tiny = { Code: () => compose(Column({ length: 8 }), Index()) };
