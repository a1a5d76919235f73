"""How events travel: their names, their way out, the log they are replayed from, the hub. Not what they mean."""
