const mongoose = require('mongoose');
const uniqueValidator = require('mongoose-unique-validator');
const { requiredText, audited, text, softDelete, STATES } = require('./common');

const definition = {
  email: { ...requiredText, unique: true },
  nick: text(),
  bio: text({ required: true, maxlength: 20 }),
  state: { type: String, enum: Object.values(STATES), default: STATES.ON },
  ...audited,
};
const options = { timestamps: true };

const accountSchema = new mongoose.Schema(definition, { ...options, minimize: false });
accountSchema.plugin(uniqueValidator);
accountSchema.plugin(softDelete, { by: true });
accountSchema.index({ nick: 1 }).index({ bio: 1, state: 1 });

const create = (name, schema) => mongoose.models[name] || mongoose.model(name, schema);

module.exports = create('Account', accountSchema);

const connection = mongoose.createConnection();
module.exports.Log = connection.model('Log', new mongoose.Schema({ line: String, account: { type: mongoose.Types.ObjectId, ref: 'Account' } }), 'audit_log');
