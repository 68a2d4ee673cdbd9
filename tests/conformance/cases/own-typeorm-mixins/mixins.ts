import { BeforeInsert, Column, CreateDateColumn, PrimaryColumn, PrimaryGeneratedColumn, UpdateDateColumn, VersionColumn } from 'typeorm';
type Constructor<T = {}> = new (...args: any[]) => T;
class Empty {}
function mixinId<T extends Constructor>(base: T) {
  class Derived extends base {
    @PrimaryColumn('varchar', { length: 26 }) id: string;
    @BeforeInsert() generate() { this.id = 'x'; }
  }
  return Derived;
}
export const Stamped = <T extends Constructor>(Base: T) => {
  abstract class StampedBase extends Base {
    @CreateDateColumn({ precision: 3 }) createdAt: Date;
    @UpdateDateColumn({ precision: 3 }) updatedAt: Date;
  }
  return StampedBase;
};
export function Named<T extends Constructor>(Base: T, length = 40) {
  class NamedBase extends Base { @Column({ length }) name: string; }
  return NamedBase;
}
export const WithId = mixinId(Empty);
export const WithAll = Stamped(mixinId(Empty));
