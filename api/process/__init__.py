"""The process as a whole: how its layers are put together, its health, its logs, its garbage collector, and its end."""
