const mongoose = require("mongoose");

const { money } = require("./fields");
const softDelete = require("../plugins/softDelete");

const { ObjectId } = mongoose.Schema.Types;

const bookingSchema = new mongoose.Schema(
  {
    space: { type: String, ref: "Space", required: true },
    member: { type: ObjectId, ref: "Member", required: true },
    guests: [{ type: ObjectId, ref: "Member" }],
    from: { type: Date, required: true },
    to: { type: Date, required: true },
    state: { type: String, enum: ["held", "confirmed", "cancelled"], default: "held" },
    total: money(),
    notes: [{ by: { type: ObjectId, ref: "Member" }, text: String, at: Date }],
    confirmationCode: { type: String },
  },
  { timestamps: true },
);

bookingSchema.plugin(softDelete);
bookingSchema.index({ space: 1, from: 1 });
bookingSchema.index(
  { confirmationCode: 1 },
  { unique: true, partialFilterExpression: { confirmationCode: { $exists: true } } },
);

module.exports = mongoose.model("Booking", bookingSchema);
