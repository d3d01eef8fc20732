"""Text for people, whatever it is written to: units, colours, and what a terminal can show."""
