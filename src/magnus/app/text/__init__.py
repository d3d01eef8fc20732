"""Text for people, for any medium: units, colours, and safe text for terminals."""
