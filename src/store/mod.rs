//! SQLite: nothing but SQL and row types.
