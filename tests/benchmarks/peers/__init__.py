"""Other ways from the same API into PostgreSQL. Each is a script of its own, for an interpreter of its own:

`python SCRIPT URL DSN PAGE_SIZE FOLDER` moves all records once and prints the seconds that took, without imports.
"""
