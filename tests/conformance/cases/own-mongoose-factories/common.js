const { Schema } = require('mongoose');

const requiredText = { type: String, required: true };
const audited = { createdBy: { type: Schema.Types.ObjectId, ref: 'Account' }, note: String };

const text = (options = {}) => ({ type: String, ...options });

function softDelete(schema, options) {
  schema.add({ deletedAt: { type: Date, default: null } });
  if (options && options.by) schema.add({ deletedBy: { type: Schema.Types.ObjectId, ref: 'Account' } });
  schema.pre('find', function hide() { this.where({ deletedAt: null }); });
}

module.exports = { requiredText, audited, text, softDelete, STATES: Object.freeze({ ON: 'on', OFF: 'off' }) };
