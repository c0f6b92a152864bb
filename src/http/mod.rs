//! Pages, streams and the REST API.
//!
//! | file | what |
//! |---|---|
//! | `routes` | every route, one a line |
//! | `listeners` | the sockets and servers, which outlive the actor that opens them |
//! | `admission`, `socket_options` | a new connection: TLS, time-outs |
//! | `client_network`, `links` | where a client is, and so which addresses its links carry |
//! | `root`, `settings_page` | `/`, `/camera` and `/settings` |
//! | `leave` | `/leave`: before a link to somebody who has not shown to be a camera |
//! | `page_models`, `pages` | from what is known to what a page shows |
//! | `stream`, `snapshot`, `camera_feed` | the pictures |
//! | `api` | the REST API, one file a resource |
//! | `access` | login, tokens, passwords, tickets |
//! | `headers`, `host` | what browsers must not allow; the names that requests may be for |
//! | `guard` | panics, counting, who may do what |
//! | `problem`, `input_errors` | errors as problem+json, also those of actix-web itself |
//! | `json_object` | bodies that are objects |

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
mod leave;
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
#[cfg(test)]
mod test_server;

pub use access::{Caller, Credential, CrossCameraLogin};
pub use app::{Actors, App};
pub use listeners::Listeners;
pub use problem::Problem;
pub use routes::{ROUTES, RouteAccess, RouteEntry, route_paths};
