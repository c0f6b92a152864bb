//! The rules of who is representative, sans-IO.
