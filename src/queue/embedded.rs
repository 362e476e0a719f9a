//! Queue in SQLite.
