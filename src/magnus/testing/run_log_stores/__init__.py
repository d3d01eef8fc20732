"""The contract suite of run log stores, a module for each kind of behaviour."""
