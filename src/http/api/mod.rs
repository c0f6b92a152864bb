//! The REST API: one file a resource, each with its types, its handlers and what the OpenAPI
//! document says of them.
//!
//! | file | what |
//! |---|---|
//! | `status`, `cameras`, `camera_by_id`, `mappings` | what is known, and naming a camera |
//! | `camera_settings`, `camera_controls`, `drive` | setting and turning this camera |
//! | `remote_access`, `withdraw` | what takes the router time; `wait_for_router` waits for it |
//! | `events`, `event_data` | what happens |
//! | `targets`, `health`, `debug` | for machines and operators |
//! | `openapi`, `schemas` | the document of it all |
//! | `whole_number` | numbers in bodies |

pub mod camera_by_id;
pub mod camera_controls;
pub mod camera_settings;
pub mod cameras;
pub mod debug;
pub mod drive;
mod event_data;
pub mod events;
pub mod health;
pub mod mappings;
pub mod openapi;
pub mod remote_access;
mod schemas;
pub mod status;
pub mod targets;
mod wait_for_router;
pub mod whole_number;
pub mod withdraw;
