//! Panic-proof restart for actix actors.
