//! Pages, streams and the REST API: one route per line.
//!
//! | file | what |
//! |---|---|
//! | `listeners` | the sockets and servers, which outlive the actor that opens them |
//! | `visitor`, `links` | who asks, and so which addresses the links carry |
//! | `root`, `page_models`, `pages` | `/` and `/camera`: from what is known to what is shown |
//! | `stream`, `snapshot` | the pictures |
//! | `status`, `cameras`, `mappings`, `health`, `drive`, `debug` | the API |
//! | `guard`, `problem` | panics, counting, who may; errors as problem+json |

mod app;
pub mod assets;
mod cameras;
mod debug;
mod drive;
mod guard;
mod health;
mod links;
mod listeners;
mod mappings;
mod page_models;
pub mod pages;
mod problem;
mod root;
pub mod snapshot;
mod status;
pub mod stream;
mod time;
mod visitor;

pub use app::{Actors, App};
pub use listeners::Listeners;
pub use problem::Problem;
pub use visitor::Visitor;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, get, post, resource, route};

/// Every route of one server.
pub fn routes(config: &mut ServiceConfig, app: &web::Data<App>) {
    let static_dir = app.cells.settings.http.static_dir.as_deref();
    config
        .app_data(app.clone())
        .app_data(web::Data::new(app.pictures()))
        .service(assets::service(static_dir))
        .route("/", get().to(root::root))
        .route("/", web::head().to(root::root))
        .route("/camera", get().to(root::camera))
        .route("/stream.mjpg", route().to(stream::stream))
        .route("/snapshot.jpg", route().to(snapshot::snapshot))
        .route("/healthz", get().to(health::healthz))
        .route("/readyz", get().to(health::readyz))
        .service(
            resource("/metrics")
                .wrap(from_fn(guard::lan_only))
                .route(get().to(health::metrics)),
        )
        .service(
            web::scope("/api/v1")
                .route("/status", get().to(status::status))
                .route("/cameras", get().to(cameras::cameras))
                .route("/mappings", get().to(mappings::mappings))
                .service(
                    resource("/drive")
                        .route(get().to(drive::position))
                        .route(post().to(drive::turn).wrap(from_fn(guard::lan_only))),
                )
                .service(
                    resource("/debug/crash/{actor}")
                        .wrap(from_fn(guard::lan_only))
                        .route(post().to(debug::crash)),
                ),
        )
        .default_service(web::to(problem::not_found));
}
