"""What identifies a person, in its many spellings. Pure: text in, text out."""
