//! The REST API: one file a resource, each with its types and handlers.
//!
//! | file | what |
//! |---|---|
//! | `status`, `cameras`, `mappings` | what is known |
//! | `drive`, `withdraw` | what can be done |
//! | `events` | what happens |
//! | `debug`, `health` | for operators and machines |

pub mod cameras;
pub mod debug;
pub mod drive;
pub mod events;
pub mod health;
pub mod mappings;
pub mod status;
pub mod withdraw;
