"""The run log: flat frozen records, the parameters they carry, and the nested view that people read. Pure."""
