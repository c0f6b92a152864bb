//! Pages, streams and the REST API: one route per line.
//!
//! | file | what |
//! |---|---|
//! | `listeners`, `admission` | the sockets and servers, which outlive the actor that opens them; who is let in, and TLS |
//! | `visitor`, `links` | who asks, and so which addresses the links carry |
//! | `root`, `page_models`, `pages` | `/` and `/camera`: from what is known to what is shown |
//! | `stream`, `snapshot` | the pictures |
//! | `status`, `cameras`, `mappings`, `health`, `drive`, `debug` | the API |
//! | `office`, `events`, `withdraw` | who is representative, what happens, and giving the office up |
//! | `headers`, `host` | what browsers are told not to allow; the names that requests may be for |
//! | `guard`, `problem` | panics, counting, who may; errors as problem+json |

mod admission;
mod app;
pub mod assets;
mod cameras;
mod debug;
mod drive;
mod events;
mod guard;
mod headers;
mod health;
mod host;
mod links;
mod listeners;
mod mappings;
mod office;
mod page_models;
pub mod pages;
mod problem;
mod root;
pub mod snapshot;
mod status;
pub mod stream;
mod time;
mod visitor;
mod withdraw;

pub use app::{Actors, App};
pub use listeners::Listeners;
pub use problem::Problem;
pub use visitor::Visitor;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, post, resource};

/// Every route of one server.
pub fn routes(config: &mut ServiceConfig, app: &web::Data<App>) {
    let static_dir = app.cells.settings.http.static_dir.as_deref();
    let near = || from_fn(guard::lan_only);
    let turn = || post().to(drive::turn).wrap(from_fn(guard::admin_only));
    config
        .app_data(app.clone())
        .app_data(web::Data::new(app.pictures()))
        .app_data(problem::json())
        .app_data(problem::query())
        .service(assets::service(static_dir))
        .service(resource("/").get(root::root).head(root::root))
        .service(resource("/camera").get(root::camera).head(root::camera))
        .service(resource("/stream.mjpg").to(stream::stream))
        .service(resource("/snapshot.jpg").to(snapshot::snapshot))
        .service(resource("/healthz").get(health::healthz))
        .service(resource("/readyz").get(health::readyz))
        .service(resource("/metrics").get(health::metrics).wrap(near()))
        .service(resource("/api/v1/status").get(status::status))
        .service(resource("/api/v1/cameras").get(cameras::cameras))
        .service(resource("/api/v1/mappings").get(mappings::mappings))
        .service(resource("/api/v1/events").get(events::events))
        .service(
            resource("/api/v1/representative/withdraw")
                .post(withdraw::withdraw)
                .wrap(from_fn(guard::admin_only)),
        )
        .service(resource("/api/v1/drive").get(drive::position).route(turn()))
        .service(
            resource("/api/v1/debug/crash/{actor}")
                .post(debug::crash)
                .wrap(near()),
        )
        .default_service(web::to(problem::not_found));
}
