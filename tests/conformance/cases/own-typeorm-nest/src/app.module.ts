import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SnakeNamingStrategy } from 'typeorm-naming-strategies';
import { User } from './users/user.entity';
@Module({ imports: [TypeOrmModule.forRootAsync({ useFactory: (config) => ({ type: 'postgres' as const, host: config.get('DB_HOST'), autoLoadEntities: true, synchronize: false, namingStrategy: new SnakeNamingStrategy(), schema: 'crm' }) }), TypeOrmModule.forFeature([User])] })
export class AppModule {}
