//! A simulated router, for the demo and the tests.
