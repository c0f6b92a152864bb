//! Errors as problem+json (RFC 9457).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::web::{JsonConfig, QueryConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

/// What went wrong, for a program and for a person.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
}

#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem with the words for a person.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = Body {
            title,
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        HttpResponse::build(self.status)
            .content_type("application/problem+json")
            .insert_header(("Cache-Control", "no-store"))
            // Three strings and a number always serialise.
            .body(serde_json::to_string(&body).unwrap_or_default())
    }
}

/// The longest JSON body that is read, in bytes: commands are short.
const LONGEST_BODY: usize = 16 * 1024;

/// Bodies that cannot be read are problems like any other.
pub fn json() -> JsonConfig {
    JsonConfig::default()
        .limit(LONGEST_BODY)
        .error_handler(|error, _| {
            Problem::new(
                error.status_code(),
                format!("the body cannot be read: {error}"),
            )
            .into()
        })
}

/// Queries that cannot be read are problems like any other.
pub fn query() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the query cannot be read: {error}"),
        )
        .into()
    })
}

/// Whatever has no route.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", request.path()),
    ))
}
