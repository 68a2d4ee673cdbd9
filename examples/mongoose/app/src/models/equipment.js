const mongoose = require("mongoose");

module.exports = mongoose.model(
  "Equipment",
  new mongoose.Schema({ label: { type: String, required: true, unique: true }, details: mongoose.Schema.Types.Mixed }),
);
