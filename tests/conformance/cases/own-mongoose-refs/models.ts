import mongoose, { Schema, Types, model, models } from 'mongoose';
import { COUNTRY } from './names';

interface IUser { name: string }

export const userSchema = new Schema<IUser>({ name: String });
export const User = models.User || model<IUser>('User', userSchema);
const Tag = model('Tag', new Schema({ _id: Number, label: { type: String, unique: true } }, { timestamps: { updatedAt: false } }));
model(COUNTRY, new Schema({ _id: { type: String }, title: String }));
model('Device', new Schema({ _id: Schema.Types.UUID, owner: { type: Schema.Types.ObjectId, ref: User } }));

const postSchema = new Schema(
  {
    author: { type: Types.ObjectId, ref: 'User', required: true },
    editor: { type: Schema.Types.ObjectId, ref: () => User },
    reviewer: { type: Schema.Types.ObjectId, ref: () => 'User' },
    mainTag: { type: Number, ref: Tag },
    tags: [{ type: Number, ref: 'Tag' }],
    country: { type: String, ref: COUNTRY },
    device: { type: Schema.Types.UUID, ref: 'Device' },
    readers: { type: [Schema.Types.ObjectId], ref: 'User' },
    related: [{ type: Schema.Types.ObjectId, ref: 'Post', required: true }],
    meta: { approvedBy: { type: Schema.Types.ObjectId, ref: 'User' }, seenBy: [{ type: Schema.Types.ObjectId, ref: 'User' }] },
    nowhere: { type: Schema.Types.ObjectId, ref: 'Gone' },
    gone: [{ type: Schema.Types.ObjectId, ref: 'Gone' }],
    onModel: { type: String, enum: ['User', 'Tag'] },
    on: { type: Schema.Types.ObjectId, refPath: 'onModel' },
    votes: [{ by: { type: Schema.Types.ObjectId, ref: 'User' }, value: Number }],
    plain: Schema.Types.ObjectId,
  },
  { collection: 'blogPosts', timestamps: true },
);
postSchema.index({ author: 1, createdAt: -1 });
export default mongoose.model('Post', postSchema);
