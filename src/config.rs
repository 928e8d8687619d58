//! Environment to configuration, every problem reported at once.
