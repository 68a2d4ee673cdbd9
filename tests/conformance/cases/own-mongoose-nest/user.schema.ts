import { Prop, Schema, SchemaFactory, raw } from '@nestjs/mongoose';
import mongoose, { HydratedDocument, Types } from 'mongoose';

export type UserDocument = HydratedDocument<User>;

export enum Role {
  Admin = 'admin',
  Member = 'member',
}

@Schema({ _id: false })
export class Address {
  @Prop()
  street: string;

  @Prop({ required: true })
  zip: string;
}
export const AddressSchema = SchemaFactory.createForClass(Address);

export class Timed {
  @Prop({ type: Date, default: Date.now })
  seenAt: Date;
}

@Schema({ timestamps: true, collection: 'accounts' })
export class User extends Timed {
  _id: Types.ObjectId;

  @Prop({ required: true, unique: true })
  email: string;

  @Prop()
  age?: number;

  @Prop({ default: true })
  isActive: boolean;

  @Prop({ type: String, enum: Role, default: Role.Member })
  role: Role;

  @Prop({ enum: Object.values(Role) })
  formerRole: Role;

  @Prop([String])
  tags: string[];

  @Prop({ type: [Number] })
  scores: number[];

  @Prop({ type: AddressSchema })
  home: Address;

  @Prop({ type: [AddressSchema], default: [] })
  addresses: Address[];

  @Prop(raw({ first: { type: String }, last: { type: String, required: true } }))
  name: Record<string, any>;

  @Prop({ type: mongoose.Schema.Types.Mixed })
  settings: any;

  @Prop({ type: mongoose.Schema.Types.ObjectId, ref: 'User' })
  manager: User;

  @Prop({ type: [{ type: mongoose.Schema.Types.ObjectId, ref: 'Team' }] })
  teams: Types.ObjectId[];

  @Prop({ type: Types.ObjectId, ref: () => User })
  invitedBy: Types.ObjectId;

  @Prop()
  born: Date;

  @Prop({ type: Map, of: String })
  labels: Map<string, string>;
}
export const UserSchema = SchemaFactory.createForClass(User);
UserSchema.index({ email: 1, role: 1 });
