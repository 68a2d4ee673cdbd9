import { EntitySchema, EntitySchemaColumnOptions } from 'typeorm';
export class Point { id: number; x: number; label: string; next: Point }
export const base: Record<string, EntitySchemaColumnOptions> = { id: { type: Number, primary: true, generated: 'increment' } };
export const PointSchema = new EntitySchema<Point>({ target: Point, name: 'Point', tableName: 'points', columns: { ...base, x: { type: 'double precision' }, label: { type: String, nullable: true } } as any, relations: { next: { type: 'many-to-one', target: 'Point', joinColumn: { name: 'next_id', referencedColumnName: 'id' }, deferrable: 'INITIALLY DEFERRED' } } });
