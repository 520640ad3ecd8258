"""The ASGI application: who asks, how often, and what it is told."""
