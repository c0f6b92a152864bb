//! The routes of the server, one a line: the only list of them.
//!
//! From it come what actix-web serves ([`register`]), what is asked of a caller before a path
//! ([`auth_policy`]), the paths of the OpenAPI document, and the values of the metric label `route`
//! ([`route_paths`]). A new route is a line here and its handler, which describes itself with
//! `#[utoipa::path]` where the route is in the document.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, delete, patch, post, put, resource};
use utoipa::OpenApi;

use super::access::caller::AuthPolicy;
use super::access::{cross_camera, login, passwords, tokens};
use super::api::openapi::ApiDocument;
use super::api::{
    camera_by_id, camera_controls, camera_settings, cameras, debug, drive, events, health,
    mappings, openapi, remote_access, status, targets, withdraw,
};
use super::{
    App, assets, guard, input_errors, leave, problem, root, settings_page, snapshot, stream,
};

/// Whom a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAccess {
    /// Anybody, who is not asked for a login.
    Public,
    /// Anybody; a login is looked at where there is one.
    OptionalLogin,
    /// As [`RouteAccess::OptionalLogin`], but no request that another site's page has sent.
    OwnPages,
    /// Viewers and admins.
    Viewer,
    /// Admins, but no request that another site's page has sent.
    Admin,
    /// Clients on the LAN, which are not asked for a login; commands not from another site's page.
    LanOnly,
}

impl RouteAccess {
    const fn auth_policy(self) -> AuthPolicy {
        match self {
            Self::Public | Self::LanOnly => AuthPolicy::Public,
            Self::OptionalLogin | Self::OwnPages => AuthPolicy::Optional,
            Self::Viewer | Self::Admin => AuthPolicy::Required,
        }
    }

    /// The route with the guard that this asks for around it.
    fn restrict(self, route: actix_web::Route) -> actix_web::Route {
        match self {
            Self::Public | Self::OptionalLogin | Self::Viewer => route,
            Self::OwnPages => route.wrap(from_fn(guard::own_pages_only)),
            Self::Admin => route.wrap(from_fn(guard::admin_only)),
            Self::LanOnly => route.wrap(from_fn(guard::lan_only)),
        }
    }
}

/// A path that the server answers.
#[derive(Clone, Copy, Debug)]
pub struct RouteEntry {
    /// As a pattern of actix-web, such as `/api/v1/cameras/{id}`.
    pub path: &'static str,
    /// The methods in lower case, and whom each answers. `get` stands for `HEAD`, too, and `any`
    /// for a handler that is given every method.
    pub methods: &'static [(&'static str, RouteAccess)],
    /// Whether the OpenAPI document has it.
    pub described: bool,
}

/// Makes [`ROUTES`], `add_resources` and `DescribedRoutes` of the table.
macro_rules! routes {
    (
        undescribed {
            $($path:literal { $($method:ident $access:ident $($handler:ident)::+),+ })+
        }
        described {
            $($api_path:literal { $($api_method:ident $api_access:ident $($api:ident)::+),+ })+
        }
    ) => {
        /// Every route but the assets below [`assets::PREFIX`].
        pub const ROUTES: &[RouteEntry] = &[
            $(RouteEntry {
                path: $path,
                methods: &[$((stringify!($method), RouteAccess::$access)),+],
                described: false,
            },)+
            $(RouteEntry {
                path: $api_path,
                methods: &[$((stringify!($api_method), RouteAccess::$api_access)),+],
                described: true,
            },)+
        ];

        fn add_resources(config: &mut ServiceConfig) {
            config
                $(.service(
                    resource($path)
                    $(.route(RouteAccess::$access.restrict($method().to($($handler)::+))))+
                ))+
                $(.service(
                    resource($api_path)
                    $(.route(RouteAccess::$api_access.restrict($api_method().to($($api)::+))))+
                ))+;
        }

        #[derive(OpenApi)]
        #[openapi(paths($($($($api)::+),+),+))]
        struct DescribedRoutes;
    };
}

// path { method access handler, … }
routes! {
    undescribed {
        "/" { get Viewer root::root }
        "/camera" { get Viewer root::camera }
        "/settings" { get Viewer settings_page::settings }
        "/leave" { get Viewer leave::leave }
        "/enter" { get OptionalLogin cross_camera::enter }
        "/visit/{id}" { get Viewer cross_camera::visit }
        "/stream.mjpg" { any Viewer stream::stream }
        "/snapshot.jpg" { any Viewer snapshot::snapshot }
        "/healthz" { get Public health::healthz }
        "/readyz" { get Public health::readyz }
        "/metrics" { get LanOnly health::metrics }
    }
    described {
        "/login" { get OptionalLogin login::form, post OwnPages login::login }
        "/logout" { post OwnPages login::logout }
        "/api/v1/status" { get Viewer status::status }
        "/api/v1/cameras" { get Viewer cameras::cameras }
        "/api/v1/cameras/{id}" { get Viewer camera_by_id::camera, patch Admin camera_by_id::rename }
        "/api/v1/mappings" { get Viewer mappings::mappings }
        "/api/v1/events" { get Viewer events::events }
        "/api/v1/exposure" {
            get Viewer remote_access::remote_access,
            put Admin remote_access::expose
        }
        "/api/v1/representative/withdraw" { post Admin withdraw::withdraw }
        "/api/v1/camera/settings" {
            get Viewer camera_settings::settings,
            patch Admin camera_settings::change
        }
        "/api/v1/camera/controls" {
            get Viewer camera_controls::controls,
            patch Admin camera_controls::change
        }
        "/api/v1/drive" { get Viewer drive::position, post Admin drive::turn }
        "/api/v1/drive/presets/{name}" { put Admin drive::store, delete Admin drive::forget }
        "/api/v1/tokens" { post Admin tokens::make }
        "/api/v1/tokens/{id}" { delete Admin tokens::take_back }
        "/api/v1/passwords" { put Admin passwords::change }
        "/api/v1/prometheus/targets" { get Viewer targets::targets }
        "/api/v1/openapi.json" { get Viewer openapi::openapi }
        "/api/v1/debug/crash/{actor}" { post LanOnly debug::crash }
    }
}

/// `HEAD` is answered wherever `GET` is (RFC 9110 §9.3.2).
fn get() -> actix_web::Route {
    web::route().guard(Any(Get()).or(Head()))
}

fn any() -> actix_web::Route {
    web::route()
}

/// Gives one server its routes, and what their handlers take from it.
pub fn register(config: &mut ServiceConfig, app: &web::Data<App>) {
    // The same for as long as the program runs.
    static DOCUMENT: LazyLock<web::Data<ApiDocument>> =
        LazyLock::new(|| web::Data::new(ApiDocument::new(DescribedRoutes::openapi)));
    let static_dir = app.shared.settings.http.static_dir.as_deref();
    config
        .app_data(app.clone())
        .app_data(web::Data::new(app.camera_feed()))
        .app_data(DOCUMENT.clone())
        .app_data(input_errors::json())
        .app_data(input_errors::query())
        .app_data(input_errors::path())
        .service(assets::service(static_dir));
    add_resources(config);
    config.default_service(web::to(problem::not_found));
}

/// The patterns of all paths, in the order of the table.
pub fn route_paths() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|route| route.path)
}

/// What is asked of the caller before this path, whatever the method: the strictest that one of the
/// path's methods asks. Assets are for anybody; what is not in the table requires a login, also
/// where nothing is.
pub fn auth_policy(path: &str) -> AuthPolicy {
    static POLICIES: LazyLock<Vec<(ResourceDef, AuthPolicy)>> = LazyLock::new(|| {
        let of = |route: &RouteEntry| {
            let policies = route.methods.iter().map(|(_, access)| access.auth_policy());
            policies.max().unwrap_or(AuthPolicy::Required)
        };
        let policies = ROUTES
            .iter()
            .map(|route| (ResourceDef::new(route.path), of(route)));
        policies.collect()
    });
    let asset = path.strip_prefix(assets::PREFIX);
    if asset.is_some_and(|rest| rest.starts_with('/')) {
        return AuthPolicy::Public;
    }
    let listed = POLICIES.iter().find(|(pattern, _)| pattern.is_match(path));
    listed.map_or(AuthPolicy::Required, |(_, policy)| *policy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn document() -> serde_json::Value {
        let document = ApiDocument::new(DescribedRoutes::openapi);
        serde_json::from_str(document.text()).unwrap()
    }

    #[test]
    fn only_what_is_named_is_open() {
        for open in [
            "/healthz",
            "/readyz",
            "/static/porthole.css",
            "/metrics",
            "/api/v1/debug/crash/router",
        ] {
            assert_eq!(auth_policy(open), AuthPolicy::Public, "{open}");
        }
        for optional in ["/login", "/logout", "/enter"] {
            assert_eq!(auth_policy(optional), AuthPolicy::Optional, "{optional}");
        }
        for closed in [
            "/",
            "/camera",
            "/snapshot.jpg",
            "/api/v1/status",
            "/api/v1/tokens",
            "/static",
            "/healthz/",
            "//healthz",
            "/x/../healthz",
            "/api/v1/debugger",
            "/nothing",
        ] {
            assert_eq!(auth_policy(closed), AuthPolicy::Required, "{closed}");
        }
    }

    #[test]
    fn all_methods_of_a_path_ask_the_same_of_the_caller() {
        for route in ROUTES {
            for (method, access) in route.methods {
                let policy = access.auth_policy();
                assert_eq!(policy, auth_policy(route.path), "{method} {}", route.path);
            }
        }
    }

    #[test]
    fn every_path_of_the_api_is_described_and_nothing_else() {
        let document = document();
        let items = document["paths"].as_object().unwrap().iter();
        let described: BTreeSet<_> = items
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods.map(move |method| (path.as_str(), method.as_str()))
            })
            .collect();
        let access = ["/login", "/logout"];
        let routes: BTreeSet<_> = ROUTES
            .iter()
            .filter(|route| route.path.starts_with("/api/v1/") || access.contains(&route.path))
            .flat_map(|route| {
                route
                    .methods
                    .iter()
                    .map(|(method, _)| (route.path, *method))
            })
            .collect();
        assert!(routes.len() > 5, "{routes:?}");
        assert_eq!(described, routes);
        for route in ROUTES {
            let is = described.iter().any(|(path, _)| *path == route.path);
            assert_eq!(is, route.described, "{}", route.path);
        }
    }

    #[test]
    fn every_operation_says_what_it_answers_to_whom_it_does_not_know() {
        let document = document();
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["security"].is_null() {
                    let answer =
                        &operation["responses"]["401"]["content"]["application/problem+json"];
                    let problem = "#/components/schemas/Problem";
                    assert_eq!(answer["schema"]["$ref"], problem, "{method} {path}");
                }
                assert!(operation["summary"].is_string(), "{method} {path}");
                operations += 1;
            }
        }
        assert!(operations > 10, "{operations}");
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}
