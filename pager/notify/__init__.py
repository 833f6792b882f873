"""Who is told what, by which way, in which words; and what is read from their answers. Pure."""
