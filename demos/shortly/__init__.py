"""A URL shortener in plain WSGI: a store, a few pages, no framework."""
