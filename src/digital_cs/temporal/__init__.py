"""The only place that knows the client and the worker of the SDK."""
