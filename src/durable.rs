//! The small state file.
