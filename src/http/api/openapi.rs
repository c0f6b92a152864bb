//! `GET /api/v1/openapi.json`: the API described by itself, as OpenAPI 3.1.
//!
//! A route is described where its handler stands (`#[utoipa::path]`) and named here once. What all
//! of them share is added to each: how one logs in, what is answered to who may not, and that an
//! error is a problem.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    camera_by_id, camera_controls, camera_settings, cameras, debug, drive, event_data, events,
    mappings, openapi, remote_access, status, targets, withdraw,
};
use crate::http::access::{login, passwords, tokens};
use crate::http::problem;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Porthole",
        description = "Cameras behind one router, each reachable from outside, one of them for all. Every camera \
                       answers the same paths. Times are seconds since 1970 with a fraction, or spans in seconds \
                       where the name says so. Errors are problem+json (RFC 9457).",
    ),
    servers((url = "/", description = "The camera that serves this document")),
    tags(
        (name = "state", description = "What is known. For viewers."),
        (name = "commands", description = "What changes something. For admins."),
        (name = "access", description = "Who may do what. Tokens and passwords are for admins."),
        (name = "machines", description = "What other programs ask."),
    ),
    security(("bearer" = []), ("basic" = []), ("cookie" = [])),
    modifiers(&Shared),
    components(schemas(problem::Body, event_data::EventData, drive::Angles)),
    paths(
        status::status,
        cameras::cameras,
        camera_by_id::camera,
        camera_by_id::rename,
        mappings::mappings,
        events::events,
        drive::position,
        drive::turn,
        drive::store,
        drive::forget,
        camera_settings::settings,
        camera_settings::change,
        camera_controls::controls,
        camera_controls::change,
        remote_access::remote_access,
        remote_access::expose,
        withdraw::withdraw,
        targets::targets,
        openapi::openapi,
        debug::crash,
        login::form,
        login::login,
        login::logout,
        tokens::make,
        tokens::take_back,
        passwords::change,
    )
)]
pub struct Document;

/// What all routes share.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in ways_in() {
            components.add_security_scheme(name, scheme);
        }
        for path in document.paths.paths.values_mut() {
            let reading = [&mut path.get, &mut path.head];
            let writing = [
                &mut path.post,
                &mut path.put,
                &mut path.patch,
                &mut path.delete,
            ];
            for operation in reading.into_iter().chain(writing).flatten() {
                share(operation);
            }
        }
    }
}

/// How one logs in.
fn ways_in() -> [(&'static str, SecurityScheme); 3] {
    let http = |scheme, about: &str| {
        let scheme = HttpBuilder::new().scheme(scheme);
        SecurityScheme::Http(scheme.description(Some(about)).build())
    };
    let cookie = ApiKeyValue::with_description(
        "porthole_session",
        "What /login sets; good on every camera of the site.",
    );
    [
        ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        ("bearer", http(HttpAuthScheme::Bearer, "For programs.")),
        (
            "basic",
            http(
                HttpAuthScheme::Basic,
                "User `viewer` or `admin`, for players and curl.",
            ),
        ),
    ]
}

/// Adds the errors that any operation may answer with, and their form.
fn share(operation: &mut Operation) {
    let mut errors = vec![
        (
            "400",
            "The request cannot be read: its host, path, query or body",
        ),
        ("403", "This visitor may not do that"),
        ("421", "The request is for a host that is not this camera's"),
    ];
    if operation.security.is_none() {
        errors.extend([
            ("401", "Nobody is logged in, or not rightly"),
            (
                "429",
                "Too many wrong tries came from there; `Retry-After` says when to come back",
            ),
            (
                "503",
                "Not now; `Retry-After` says when to come back, where that is known",
            ),
        ]);
    }
    if operation.request_body.is_some() {
        errors.extend([
            ("413", "The body is longer than any command"),
            ("415", "The body does not say that it is JSON"),
            ("422", "The body is not what is expected here"),
        ]);
    }
    let responses = &mut operation.responses.responses;
    for (status, why) in errors {
        let response = || ResponseBuilder::new().description(why).build().into();
        responses.entry(status.to_owned()).or_insert_with(response);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.is_empty()
        {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
            let content = content.build().into();
            response
                .content
                .insert(problem::MEDIA_TYPE.to_owned(), content);
        }
    }
}

/// This document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "machines",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)),
)]
pub async fn openapi() -> HttpResponse {
    // It is the same for as long as the program runs. What came out of the derive always
    // serialises.
    static TEXT: LazyLock<String> =
        LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());
    HttpResponse::Ok()
        .content_type("application/json")
        .body(TEXT.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_path_of_the_api_is_described_and_nothing_else() {
        let document = Document::openapi();
        let described: BTreeSet<_> = document.paths.paths.keys().map(String::as_str).collect();
        let access = ["/login", "/logout"];
        let api = |path: &&str| path.starts_with("/api/v1/") || access.contains(path);
        let routes = include_str!("../mod.rs").split('"').skip(1).step_by(2);
        let routes: BTreeSet<_> = routes.filter(api).collect();
        assert!(routes.len() > 5, "{routes:?}");
        assert_eq!(described, routes);
    }

    #[test]
    fn every_operation_says_what_it_answers_to_whom_it_does_not_know() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
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
        std::fs::write("/tmp/h1a_openapi.json", document.to_string()).unwrap();
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}
