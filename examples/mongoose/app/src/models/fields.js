const { Schema } = require("mongoose");

const PLANS = Object.freeze({ DAY: "day", DESK: "desk", OFFICE: "office" });

const money = (options = {}) => ({ type: Schema.Types.Decimal128, min: 0, ...options });

const addressSchema = new Schema(
  { street: { type: String, required: true }, zip: String, city: String, country: { type: String, default: "NL" } },
  { _id: false },
);

module.exports = { PLANS, money, addressSchema };
