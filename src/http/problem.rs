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
    field: Option<&'static str>,
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem with the words for a person.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            field: None,
            retry_after: None,
        }
    }

    /// Names the field of the body that is wrong.
    #[must_use]
    pub fn field(self, name: &'static str) -> Self {
        Self {
            field: Some(name),
            ..self
        }
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The words for a person.
    pub fn detail(&self) -> &str {
        &self.detail
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
            field: self.field,
        };
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            answer.insert_header(("Retry-After", seconds));
        }
        answer
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
