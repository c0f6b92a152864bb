//! Parse the command line, hand over.

fn main() {}
