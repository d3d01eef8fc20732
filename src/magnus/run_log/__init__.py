"""What did run: flat frozen records, the parameters they carry, and the nested view that people read. Pure."""
