"""A chat: long polling and WebSocket side by side, in one process or in many."""
