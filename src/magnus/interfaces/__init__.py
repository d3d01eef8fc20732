"""The contracts of everything that can be replaced, one page each. Owned by the engine, implemented by services."""
