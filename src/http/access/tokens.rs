//! `/api/v1/tokens`: bearer tokens for programs, made and revoked.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::Caller;
use super::login::make_claims;
use super::passwords::verify_current;
use crate::auth::{Access, Claims, Purpose, unix_now};
use crate::http::api::whole_number::whole_number;
use crate::http::client_address::client_address;
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use crate::site::{AuthState, SessionId};

/// How many days a token may last.
const DAYS: std::ops::RangeInclusive<u16> = 1..=366;

/// Which token is asked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenOrder)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    access: Access,
    /// The admin password of now, where a session's cookie shows who asks: a cookie that was got
    /// hold of is not enough for what lasts longer than it. Not looked at otherwise.
    #[serde(default, deserialize_with = "text")]
    #[schema(value_type = String, required = false)]
    current: Option<String>,
    /// How long it is to last.
    #[serde(deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 366, example = 30)]
    days: i64,
}

/// A text, and no null: it is left out where there is none.
fn text<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    String::deserialize(text).map(Some)
}

/// The answer: a new token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct NewToken {
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
    request_body = TokenRequest,
    responses(
        (status = 201, description = "The token", body = NewToken),
        (status = 403, description = "`current` is not the admin's password, or this \
         caller may not do that"),
    ),
)]
pub async fn make(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    order: Json<Object<TokenRequest>>,
) -> Result<HttpResponse, Problem> {
    let TokenRequest {
        access,
        current,
        days,
    } = order.into_inner().0;
    let days = u16::try_from(days).ok().filter(|days| DAYS.contains(days));
    let days = days.ok_or_else(|| {
        let detail = format!("days: must be {} to {}", DAYS.start(), DAYS.end());
        Problem::of_field("days", detail)
    })?;
    // Sent as a bearer token, too, a session is one.
    let claims = caller.claims();
    if claims.is_some_and(|claims| claims.purpose == Purpose::Session) {
        verify_current(&request, &app, &current.unwrap_or_default()).await?;
    }
    let id = SessionId::random().map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("no randomness for a token: {why}"),
        )
    })?;
    let shared = &app.shared;
    let now = unix_now();
    let claims = make_claims(&app, |auth_state| {
        Claims::token(id, access, days, now, auth_state)
    });
    info!(%id, %access, days, from = %client_address(&request), "a token was made");
    Ok(HttpResponse::Created()
        .insert_header(("Cache-Control", "no-store"))
        .json(NewToken {
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
        (status = 500, description = "It does not count any more here, but that could not be \
         kept on the disk"),
    ),
)]
pub async fn take_back(
    request: HttpRequest,
    app: Data<App>,
    id: Path<SessionId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    // When it expires by itself is known to its bearer only. None made today lasts longer, also
    // where the clock of the camera that made it was years ahead.
    let longest = 10 * u64::from(*DAYS.end()) * 24 * 3600;
    let expires = unix_now().saturating_add(longest);
    let ended = AuthState {
        ended: (app.shared.auth_state).with(|known| known.ended.one(id, expires)),
        ..AuthState::default()
    };
    app.shared.learn(&ended).wait().await.map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the token has ended, but {why}"),
        )
    })?;
    info!(%id, from = %client_address(&request), "a token was taken back");
    Ok(HttpResponse::NoContent().finish())
}
