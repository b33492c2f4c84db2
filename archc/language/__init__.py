"""The spec language: text, expressions, and the models of a document."""
