import { DataSource } from 'typeorm';
import { HouseNaming } from './naming';
export const ds = new DataSource({ type: 'postgres', url: process.env.DB, namingStrategy: new HouseNaming(), entityPrefix: 'app_', entities: [__dirname + '/**/*.entity.ts'] });
