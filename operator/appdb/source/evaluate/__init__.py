"""A bounded partial evaluator for TypeScript expressions; nothing of a program is ever run."""
