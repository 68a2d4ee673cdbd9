import mongoose from 'mongoose';

const { Schema } = mongoose;
const base = new Schema({ at: { type: Date, required: true }, by: { type: Schema.Types.ObjectId, ref: 'Person' } }, { discriminatorKey: 'type', timestamps: true });
const Activity = mongoose.model('Activity', base);

export const Call = Activity.discriminator('Call', new Schema({ seconds: { type: Number, required: true }, phone: String }, { timestamps: true }));
export const Mail = Activity.discriminator(
  'Mail',
  new Schema({ subject: { type: String, unique: true }, phone: String, to: [{ type: Schema.Types.ObjectId, ref: 'Person' }] }),
  'mail',
);
export const Person = mongoose.model('Person', new Schema({ name: String, lastCall: { type: Schema.Types.ObjectId, ref: 'Call' } }));

const shape = new Schema({ name: String });
shape.discriminator('Circle', new Schema({ radius: Number }));
export const Shape = mongoose.model('Shape', shape);

const item = new Schema({ note: String }, { discriminatorKey: 'kind', _id: false });
const order = new Schema({ items: [item] });
order.path('items').discriminator('Book', new Schema({ isbn: String }));
export const Order = mongoose.model('Order', order);
