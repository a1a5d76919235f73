"""`manage.py` runs each module here by its name."""
