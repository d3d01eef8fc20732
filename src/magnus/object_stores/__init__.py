"""Reads and writes objects by key in S3, Google Cloud Storage, Azure Blob Storage and folders, for stores and catalogs."""
