"""The book's own tools: listings, figures, lab checks, the live book."""
