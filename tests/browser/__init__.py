"""The two pages in a real browser, against a real server with demo data. Skipped where Node or Chromium is missing."""
