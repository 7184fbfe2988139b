"""What `make demo` shows: a sample API with real records, and a job that syncs it."""
