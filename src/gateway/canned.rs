//! Canned.
