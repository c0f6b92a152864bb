//! `/api/v1/tokens`: leave for programs.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::caller::address;
use crate::auth::{Access, Claims, new_id, unix_now};
use crate::http::api::whole_number::whole_number;
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use crate::site::{AuthState, SessionId};

/// How many days a token may last.
const DAYS: std::ops::RangeInclusive<u16> = 1..=366;

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenOrder)]
#[serde(deny_unknown_fields)]
pub struct Order {
    access: Access,
    /// How long it is to last.
    #[serde(deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 366, example = 30)]
    days: i64,
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct Made {
    /// For taking it back.
    id: SessionId,
    /// To be sent as `Authorization: Bearer …`. It is shown this once.
    #[schema(example = "v1.eyJpZCI6…")]
    token: String,
    access: Access,
    /// Seconds since 1970.
    expires_at: u64,
}

/// Make a token
///
/// Leave for a program, by a bearer token that lasts for some days.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "access",
    request_body = Order,
    responses((status = 201, description = "The token", body = Made)),
)]
pub async fn make(
    request: HttpRequest,
    app: Data<App>,
    order: Json<Object<Order>>,
) -> Result<HttpResponse, Problem> {
    let Order { access, days } = order.into_inner().0;
    let days = u16::try_from(days).ok().filter(|days| DAYS.contains(days));
    let days = days.ok_or_else(|| {
        let words = format!("days: must be {} to {}", DAYS.start(), DAYS.end());
        Problem::of_field("days", words)
    })?;
    let id = new_id().map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("no randomness for a token: {why}"),
        )
    })?;
    let shared = &app.shared;
    let now = unix_now();
    let claims = shared
        .auth_state
        .with(|auth_state| Claims::token(id, access, days, now, auth_state));
    info!(%id, %access, days, from = %address(&request), "a token was made");
    Ok(HttpResponse::Created()
        .insert_header(("Cache-Control", "no-store"))
        .json(Made {
            id,
            token: shared.authority.sign(&claims),
            access,
            expires_at: claims.expires,
        }))
}

/// Take a token back
///
/// As a logout does a session. Nobody keeps a list of tokens, so one that never was is taken back
/// just as well.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    tag = "access",
    params(("id" = SessionId, Path, description = "Its `id`, as it was told when it was made")),
    responses(
        (status = 204, description = "It does not count any more"),
        (status = 500, description = "It does not count any more here, but that could not be kept on the disk"),
    ),
)]
pub async fn take_back(
    request: HttpRequest,
    app: Data<App>,
    id: Path<SessionId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    // When it ends by itself is known to its bearer only; by then none made today lasts.
    let longest = u64::from(*DAYS.end()) * 24 * 3600;
    let ended = AuthState {
        revoked: [(id, unix_now().saturating_add(longest))].into(),
        ..AuthState::default()
    };
    app.shared.learn(&ended).wait().await.map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the token has ended, but {why}"),
        )
    })?;
    info!(%id, from = %address(&request), "a token was taken back");
    Ok(HttpResponse::NoContent().finish())
}
