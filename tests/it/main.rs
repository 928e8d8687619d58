//! One integration binary: a file per feature.

mod agent;
