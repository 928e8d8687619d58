//! The daemon: boots everything, owns every task, drains on shutdown.
