"""Mongoose: schemas and models become tables by one convention, since no tool defines them."""

from appdb.source.frameworks.mongoose.frontend import FRONT_END

__all__ = ["FRONT_END"]
