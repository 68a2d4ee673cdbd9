module.exports = (mongoose) => {
  const schema = mongoose.Schema({ title: String, published: { type: Boolean, default: false } }, { timestamps: true });

  schema.method('toJSON', function toJSON() {
    const { __v, _id, ...object } = this.toObject();
    object.id = _id;
    return object;
  });

  return mongoose.model('tutorial', schema);
};
