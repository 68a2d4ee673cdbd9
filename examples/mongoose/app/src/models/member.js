const mongoose = require("mongoose");
const uniqueValidator = require("mongoose-unique-validator");

const { PLANS, addressSchema } = require("./fields");
const softDelete = require("../plugins/softDelete");

const memberSchema = new mongoose.Schema(
  {
    email: { type: String, required: [true, "an email is needed"], unique: true, lowercase: true, trim: true },
    name: { first: { type: String, required: true }, last: { type: String, required: true } },
    plan: { type: String, enum: Object.values(PLANS), default: PLANS.DAY },
    address: addressSchema,
    phones: [String],
    invitedBy: { type: mongoose.Schema.Types.ObjectId, ref: "Member" },
    preferences: { type: Map, of: String },
    isActive: { type: Boolean, default: true },
    lastSeen: { type: Date, default: Date.now },
  },
  { timestamps: true },
);

memberSchema.plugin(uniqueValidator);
memberSchema.plugin(softDelete, { withActor: true });
memberSchema.index({ plan: 1, isActive: 1 });
memberSchema.virtual("fullName").get(function fullName() {
  return `${this.name.first} ${this.name.last}`;
});

module.exports = mongoose.model("Member", memberSchema);
