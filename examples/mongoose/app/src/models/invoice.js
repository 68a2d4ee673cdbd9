const mongoose = require("mongoose");

const { money } = require("./fields");

const counterSchema = new mongoose.Schema({ _id: Number, prefix: String });
const Series = mongoose.model("Series", counterSchema, "invoice_series");

const invoiceSchema = new mongoose.Schema(
  {
    number: { type: Number, required: true },
    series: { type: Number, ref: "Series", required: true },
    member: { type: mongoose.Schema.Types.ObjectId, ref: "Member", required: true, index: true },
    lines: [{ booking: { type: mongoose.Schema.Types.ObjectId, ref: "Booking" }, text: String, amount: money() }],
    total: money({ required: true }),
    paidAt: Date,
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);
invoiceSchema.index({ series: 1, number: 1 }, { unique: true });

module.exports = { Invoice: mongoose.model("Invoice", invoiceSchema), Series };
