import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Schema as MongooseSchema } from 'mongoose';

import { User } from './user.schema';

@Schema()
export class Team {
  @Prop({ required: true, trim: true })
  title: string;

  @Prop({ type: MongooseSchema.Types.ObjectId, ref: User.name, required: true, index: true })
  owner: User;
}
export const TeamSchema = SchemaFactory.createForClass(Team);
