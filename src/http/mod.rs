//! Pages, streams and the REST API: one route per line.
//!
//! | file | what |
//! |---|---|
//! | `listeners`, `admission` | the sockets and servers, which outlive the actor that opens them; who is let in, and TLS |
//! | `visitor`, `links` | who asks, and so which addresses the links carry |
//! | `root`, `settings_page`, `page_models`, `pages` | `/`, `/camera` and `/settings`: from what is known to what is shown |
//! | `stream`, `snapshot` | the pictures |
//! | `api` | the REST API, one file a resource |
//! | `access` | login, tokens, passwords, passes |
//! | `office` | who is representative, for pages and API |
//! | `headers`, `host` | what browsers are told not to allow; the names that requests may be for |
//! | `guard` | panics, counting, who may |
//! | `problem`, `input_errors`, `object` | errors as problem+json, also those of actix-web itself; bodies that are objects |

mod access;
mod admission;
mod api;
mod app;
mod assets;
mod camera_feed;
mod client_network;
mod guard;
mod headers;
mod host;
mod input_errors;
mod json_object;
mod leadership;
mod links;
mod listeners;
mod page_models;
pub mod pages;
mod problem;
mod root;
mod routes;
mod settings_page;
mod snapshot;
mod socket_options;
mod stream;
mod time;

pub use access::{Caller, Credential, CrossCameraLogin};
pub use app::{Actors, App};
pub use listeners::Listeners;
pub use problem::Problem;
pub use routes::{ROUTES, RouteAccess, RouteEntry, route_paths};
