//! One file per sub-command.

pub mod sim_router;
