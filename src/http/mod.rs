//! Pages, streams and the REST API: one route per line.
//!
//! | file | what |
//! |---|---|
//! | `listeners`, `admission` | the sockets and servers, which outlive the actor that opens them; who is let in, and TLS |
//! | `visitor`, `links` | who asks, and so which addresses the links carry |
//! | `root`, `settings_page`, `page_models`, `pages` | `/`, `/camera` and `/settings`: from what is known to what is shown |
//! | `stream`, `snapshot` | the pictures |
//! | `api` | the REST API, one file a resource |
//! | `access` | login, tokens, passwords, tickets |
//! | `office` | who is representative, for pages and API |
//! | `headers`, `host` | what browsers are told not to allow; the names that requests may be for |
//! | `guard` | panics, counting, who may |
//! | `problem`, `input_errors`, `object` | errors as problem+json, also those of actix-web itself; bodies that are objects |

mod access;
mod admission;
mod api;
mod app;
pub mod assets;
mod client_network;
mod guard;
mod headers;
mod host;
mod input_errors;
mod leadership;
mod links;
mod listeners;
mod object;
mod page_models;
pub mod pages;
mod problem;
mod root;
mod settings_page;
pub mod snapshot;
pub mod stream;
mod time;

pub use access::{Caller, Credential, CrossCameraLogin};
pub use app::{Actors, App};
pub use listeners::Listeners;
pub use problem::Problem;

use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, delete, patch, post, put, resource};

use access::{cross_camera, login, passwords, tokens};
use api::{
    camera_by_id, camera_controls, camera_settings, cameras, debug, drive, events, health,
    mappings, openapi, remote_access, status, targets, withdraw,
};

/// Every route of one server.
pub fn routes(config: &mut ServiceConfig, app: &web::Data<App>) {
    let static_dir = app.shared.settings.http.static_dir.as_deref();
    let near = || from_fn(guard::lan_only);
    let admin = || from_fn(guard::admin_only);
    // For commands of anybody, as long as no other site's page sends them.
    let ours = || from_fn(guard::own_pages_only);
    // `HEAD` is answered wherever `GET` is (RFC 9110 §9.3.2).
    let read = || web::route().guard(Any(Get()).or(Head()));
    let rename = || patch().to(camera_by_id::rename).wrap(admin());
    let adjust = || patch().to(camera_settings::change).wrap(admin());
    let control = || patch().to(camera_controls::change).wrap(admin());
    let store = || put().to(drive::store).wrap(admin());
    let forget = || delete().to(drive::forget).wrap(admin());
    let turn = || post().to(drive::turn).wrap(admin());
    let expose = || put().to(remote_access::expose).wrap(admin());
    let withdraw = || post().to(withdraw::withdraw).wrap(admin());
    let crash = || post().to(debug::crash).wrap(near());
    let log_in = || post().to(login::login).wrap(ours());
    let log_out = || post().to(login::logout).wrap(ours());
    let make_token = || post().to(tokens::make).wrap(admin());
    let end_token = || delete().to(tokens::take_back).wrap(admin());
    let set_passwords = || put().to(passwords::change).wrap(admin());
    config
        .app_data(app.clone())
        .app_data(web::Data::new(app.pictures()))
        .app_data(input_errors::json())
        .app_data(input_errors::query())
        .app_data(input_errors::path())
        .service(assets::service(static_dir))
        .service(resource("/").route(read().to(root::root)))
        .service(resource("/camera").route(read().to(root::camera)))
        .service(resource("/settings").route(read().to(settings_page::settings)))
        .service(
            resource("/login")
                .route(read().to(login::form))
                .route(log_in()),
        )
        .service(resource("/logout").route(log_out()))
        .service(resource("/enter").route(read().to(cross_camera::enter)))
        .service(resource("/visit/{id}").route(read().to(cross_camera::visit)))
        .service(resource("/stream.mjpg").to(stream::stream))
        .service(resource("/snapshot.jpg").to(snapshot::snapshot))
        .service(resource("/healthz").route(read().to(health::healthz)))
        .service(resource("/readyz").route(read().to(health::readyz)))
        .service(resource("/metrics").route(read().to(health::metrics).wrap(near())))
        .service(resource("/api/v1/status").route(read().to(status::status)))
        .service(resource("/api/v1/cameras").route(read().to(cameras::cameras)))
        .service(
            resource("/api/v1/cameras/{id}")
                .route(read().to(camera_by_id::camera))
                .route(rename()),
        )
        .service(resource("/api/v1/mappings").route(read().to(mappings::mappings)))
        .service(resource("/api/v1/events").route(read().to(events::events)))
        .service(
            resource("/api/v1/exposure")
                .route(read().to(remote_access::remote_access))
                .route(expose()),
        )
        .service(resource("/api/v1/representative/withdraw").route(withdraw()))
        .service(
            resource("/api/v1/camera/settings")
                .route(read().to(camera_settings::settings))
                .route(adjust()),
        )
        .service(
            resource("/api/v1/camera/controls")
                .route(read().to(camera_controls::controls))
                .route(control()),
        )
        .service(
            resource("/api/v1/drive")
                .route(read().to(drive::position))
                .route(turn()),
        )
        .service(
            resource("/api/v1/drive/presets/{name}")
                .route(store())
                .route(forget()),
        )
        .service(resource("/api/v1/tokens").route(make_token()))
        .service(resource("/api/v1/tokens/{id}").route(end_token()))
        .service(resource("/api/v1/passwords").route(set_passwords()))
        .service(resource("/api/v1/prometheus/targets").route(read().to(targets::targets)))
        .service(resource("/api/v1/openapi.json").route(read().to(openapi::openapi)))
        .service(resource("/api/v1/debug/crash/{actor}").route(crash()))
        .default_service(web::to(problem::not_found));
}
