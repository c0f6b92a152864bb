//! Settings in layers, with errors a person can act on.
