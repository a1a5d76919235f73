"""`manage.py dev`: all that a developer's machine needs, in one foreground process. Production never imports it."""
