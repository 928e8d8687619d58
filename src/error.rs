//! Which error type to use where.
