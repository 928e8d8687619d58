//! A Discord that runs in the process.
