const { Schema } = require("mongoose");

/** Documents are marked, never removed. */
module.exports = function softDelete(schema, options = {}) {
  schema.add({ deletedAt: { type: Date, default: null, index: true } });
  if (options.withActor) {
    schema.add({ deletedBy: { type: Schema.Types.ObjectId, ref: "Member" } });
  }
  schema.pre(/^find/, function hideDeleted() {
    this.where({ deletedAt: null });
  });
};
