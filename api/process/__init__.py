"""The process as a whole: connects its layers; health, logs, garbage collection, and the drain at its end."""
