const mongoose = require("mongoose");

const { money } = require("./fields");

const { Schema } = mongoose;

const spaceSchema = new Schema(
  {
    _id: { type: String, required: true },
    title: { type: String, required: true },
    location: { type: { type: String, enum: ["Point"], default: "Point" }, coordinates: { type: [Number], index: "2dsphere" } },
    price: money({ required: true }),
    equipment: [{ type: Schema.Types.ObjectId, ref: "Equipment" }],
    openingHours: [{ day: Number, from: String, to: String }],
    photos: [Buffer],
  },
  { discriminatorKey: "kind", timestamps: { createdAt: "addedAt", updatedAt: false } },
);

const Space = mongoose.model("Space", spaceSchema);

const Desk = Space.discriminator("Desk", new Schema({ isStanding: { type: Boolean, default: false } }));
const Room = Space.discriminator(
  "Room",
  new Schema({ seats: { type: Number, required: true }, hasScreen: Boolean }),
  "room",
);

module.exports = { Space, Desk, Room };
