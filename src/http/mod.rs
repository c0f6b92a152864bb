//! Pages, streams and the REST API.
//!
//! | file | what |
//! |---|---|
//! | `routes` | every route, one a line |
//! | `listeners` | the sockets and servers, which outlive the actor that opens them |
//! | `admission`, `socket_options` | a new connection: TLS, time-outs |
//! | `client_address` | who asks: the address of the client, also behind proxies |
//! | `parse_errors` | what is no HTTP: counted, and one line a minute |
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
mod client_address;
mod client_network;
mod connections;
mod guard;
mod headers;
mod host;
mod input_errors;
mod json_object;
mod leave;
mod links;
mod listeners;
mod open_connection;
mod page_models;
pub mod pages;
pub mod parse_errors;
mod places;
mod problem;
mod root;
mod routes;
mod seats;
mod settings_page;
mod snapshot;
mod socket_options;
mod stream;
#[cfg(test)]
mod test_server;

pub use access::{COOKIE_PREFIX, Caller, Credential, CrossCameraLogin};
pub use app::{Actors, App};
pub use camera_feed::PictureError;
pub use host::{HostRefused, OwnNames};
pub use listeners::Listeners;
pub use problem::Problem;
pub use routes::{ROUTES, RouteAccess, RouteEntry, route_paths};
pub use seats::SEATS_OF_ONE_ADDRESS;
pub use stream::frame_interval;
