//! What the servers say to each other on the LAN.

pub mod interface;
