"""The module graph of a TypeScript or JavaScript source: who imports what from where."""
