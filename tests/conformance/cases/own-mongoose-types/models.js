const mongoose = require('mongoose');
const { Schema, SchemaTypes, Types } = mongoose;

const point = new Schema({ type: { type: String, enum: ['Point'] }, coordinates: [Number] }, { _id: false });

const thingSchema = mongoose.Schema({
  word: 'String',
  lower: 'string',
  quoted: { type: 'ObjectId' },
  oid: Types.ObjectId,
  oid2: mongoose.ObjectId,
  oid3: { type: SchemaTypes.ObjectId },
  dec: mongoose.Types.Decimal128,
  dec2: Schema.Types.Decimal128,
  uuid: { type: 'UUID' },
  flag: Schema.Types.Boolean,
  count: Schema.Types.Int32,
  ratio: Schema.Types.Double,
  large: BigInt,
  bytes: Schema.Types.Buffer,
  any: Object,
  any2: { type: Object },
  any3: { type: {} },
  any4: 'Mixed',
  list: [],
  list2: Array,
  list3: { type: Array, default: [] },
  list4: { type: Array, of: String },
  mixedList: [{}],
  mixedList2: [Schema.Types.Mixed],
  words: { type: [String], required: true, index: true },
  dates: [Date],
  oids: [Schema.Types.ObjectId],
  flags: [{ type: Boolean }],
  matrix: [[Number]],
  grid: { type: [[[Number]]] },
  at: point,
  place: { type: point, required: true },
  places: [point],
  inline: { type: { a: String, b: Number } },
  inlineList: [{ a: String, b: { c: Number } }],
  typed: [{ type: { a: String } }],
  geo: { type: { type: String, default: 'Point' }, coordinates: { type: [Number], index: '2dsphere' } },
  deep: { one: { two: { three: { type: Number, required: true, min: 1 }, four: [String] } }, five: {} },
  map: Map,
  mapOf: { type: Map, of: point },
  mapOf2: { type: Map, of: [String] },
  required1: { type: String, required: [true, 'why'] },
  required2: { type: String, required() { return this.flag; } },
  required3: { type: String, required: 'why' },
  size: { type: String, enum: { values: ['s', 'm', 'l'], message: '{VALUE} no' }, default: 's' },
  sizes: [{ type: String, enum: ['s', 'm'] }],
  grade: { type: Number, enum: [1, 2], default: 1 },
  born: { type: Date, default: () => new Date() },
  since: { type: Date, default: '2020-01-02' },
  settings: { type: Object, default: { a: 1, b: ['x'] } },
  quote: { type: String, default: "it's \\ \"fine\"" },
  slug: { type: String, unique: true, sparse: true },
  token: { type: String, index: { unique: true, partialFilterExpression: { token: { $exists: true } } } },
  expires: { type: Date, expires: '1d' },
  id2: { type: Number, alias: 'other', select: false, immutable: true },
  'dotted.path': String,
  'with-dash': String,
}, { timestamps: { createdAt: 'created_at' }, versionKey: false });

thingSchema.index({ word: 1, lower: -1 });
thingSchema.index({ word: 'text', lower: 'text' });
thingSchema.index({ 'deep.one.two.three': 1 }, { unique: true });
thingSchema.index({ count: 1 }, { unique: true, partialFilterExpression: { flag: true, count: { $gt: 5 } } });
thingSchema.index({ at: '2dsphere' });
thingSchema.virtual('double').get(function double() { return this.count * 2; });
thingSchema.path('later', String);
thingSchema.set('strict', false);

exports.Thing = mongoose.model('Thing', thingSchema);

const typedSchema = new Schema({ type: String, kind: { $type: String, required: true }, inner: { type: Number } }, { typeKey: '$type' });
exports.Typed = mongoose.model('Typed', typedSchema);
