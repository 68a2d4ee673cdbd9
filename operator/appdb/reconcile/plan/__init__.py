"""The little that a SchemaPlan needs of its own; its life is that of its AppDatabase."""
