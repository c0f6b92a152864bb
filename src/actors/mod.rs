//! The actors: thin shells over the cores, one file each.
