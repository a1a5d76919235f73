"""Tests of the two pages in a real browser, against a real server with demo data. Skipped without Node or Chromium."""
