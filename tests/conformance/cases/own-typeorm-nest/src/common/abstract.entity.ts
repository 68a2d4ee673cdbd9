import { CreateDateColumn, PrimaryGeneratedColumn, UpdateDateColumn } from 'typeorm';
import { Exclude } from 'class-transformer';
export abstract class AbstractEntity<DTO = never, O = never> {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @CreateDateColumn({ type: 'timestamp' }) createdAt!: Date;
  @UpdateDateColumn({ type: 'timestamp' }) @Exclude() updatedAt!: Date;
  private dtoClass?: new (e: AbstractEntity) => DTO;
  toDto(options?: O): DTO { return new this.dtoClass!(this); }
}
