"""The catalog of type `object-store`: files by content in S3, Google Cloud Storage, Azure Blob Storage or a folder."""
