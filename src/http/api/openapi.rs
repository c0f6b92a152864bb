//! `GET /api/v1/openapi.json`: the API described by itself, as OpenAPI 3.1.
//!
//! A route is described at its handler (`#[utoipa::path]`) and listed in `routes`. What all of them
//! share is added here to each: how one logs in, what a caller without permission is answered, and
//! that an error is a problem.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::Data;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use super::{drive, event_data};
use crate::http::problem;

/// What the document says beside its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Porthole",
        description = "Cameras behind one router, each reachable from outside, one of them for \
                       all. Every camera answers the same paths. Times are seconds since 1970 with \
                       a fraction, or spans in seconds where the name says so. Errors are \
                       problem+json (RFC 9457).",
    ),
    servers((url = "/", description = "The camera that serves this document")),
    tags(
        (name = "state", description = "What is known. For viewers."),
        (name = "commands", description = "What changes something. For admins."),
        (name = "access", description = "Who may do what. Tokens and passwords are for admins."),
        (name = "machines", description = "What other programs ask."),
    ),
    security(("bearer" = []), ("basic" = []), ("cookie" = [])),
    components(schemas(problem::ProblemBody, event_data::EventData, drive::Angles)),
)]
struct CommonParts;

/// The document as it is answered.
pub struct ApiDocument {
    routes: fn() -> utoipa::openapi::OpenApi,
    text: OnceLock<String>,
}

impl ApiDocument {
    /// The document of these routes. It is made when it is first asked for: most servers never
    /// are, and it takes more memory than all the rest of the web server at rest.
    pub const fn new(routes: fn() -> utoipa::openapi::OpenApi) -> Self {
        Self {
            routes,
            text: OnceLock::new(),
        }
    }

    /// The routes' document as JSON, completed with what all of them share.
    fn complete(&self) -> String {
        let mut document = CommonParts::openapi();
        document.merge((self.routes)());
        let components = document.components.get_or_insert_default();
        for (name, scheme) in security_schemes() {
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
                add_common_errors(operation);
            }
        }
        // What came out of the derive always serialises.
        document.to_json().unwrap_or_default()
    }

    /// The document as JSON.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| self.complete())
    }
}

/// The ways of logging in.
fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let http = |scheme, about: &str| {
        let scheme = HttpBuilder::new().scheme(scheme);
        SecurityScheme::Http(scheme.description(Some(about)).build())
    };
    let cookie = ApiKeyValue::with_description(
        "porthole_session_{site}",
        "What /login sets; good on every camera of the site, for the client that logged in. The \
         rest of its name tells sites apart.",
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
fn add_common_errors(operation: &mut Operation) {
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
pub async fn openapi(document: Data<ApiDocument>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document.text().to_owned())
}
