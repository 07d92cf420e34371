"""What people read: pure functions from codes, facts and query results to sentences."""
