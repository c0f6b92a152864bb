//! `PUT /api/v1/passwords`: new passwords, for all cameras of the site.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::caller::{address, prove};
use super::login::new_session;
use super::session::cookie;
use super::{Caller, Credential};
use crate::auth::{self, Access, Reach, Refused, Wanted, WantedViewer};
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use crate::site::AuthState;

/// What is asked for. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordsOrder, min_properties = 2)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The admin password of now, again: a session that was left open, or stolen, is not enough.
    current: String,
    /// A new one for the admin.
    #[schema(value_type = String, required = false, min_length = 8, max_length = 128)]
    admin: Option<String>,
    /// A new one for the viewer. `null`: nobody can log in as viewer any more.
    #[serde(default = "as_it_is", deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, min_length = 8, max_length = 128)]
    viewer: WantedViewer,
}

/// Since when they count, and where.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordsChanged)]
pub struct Changed {
    /// Seconds since 1970.
    changed_at: f64,
    reach: Reach,
}

fn as_it_is() -> WantedViewer {
    WantedViewer::AsItIs
}

/// `null` is given, too.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<WantedViewer, D::Error> {
    let viewer = Option::<String>::deserialize(value)?;
    Ok(viewer.map_or(WantedViewer::None, WantedViewer::New))
}

/// Change the passwords
///
/// On all cameras with the same site key. It ends all sessions and tokens, and answers with a new
/// cookie for the session that asked.
#[utoipa::path(
    put,
    path = "/api/v1/passwords",
    tag = "access",
    request_body = Order,
    responses(
        (status = 200, description = "They count now", body = Changed),
        (status = 403, description = "`current` is not the admin's password, or this visitor may not do that"),
        (status = 500, description = "They count now, but that could not be kept on the disk"),
    ),
)]
pub async fn change(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    order: Json<Object<Order>>,
) -> Result<HttpResponse, Problem> {
    let Order {
        current,
        admin,
        viewer,
    } = order.into_inner().0;
    if admin.is_none() && matches!(viewer, WantedViewer::AsItIs) {
        return Err(wrong(
            "admin",
            "admin or viewer: at least one of them must be given",
        ));
    }
    if let Some(admin) = &admin {
        allowed("admin", admin)?;
    }
    if let WantedViewer::New(viewer) = &viewer {
        allowed("viewer", viewer)?;
    }
    match prove(&request, &app, Access::Admin.as_str(), &current).await {
        Ok(_) => {}
        Err(Refused::Wrong) => {
            let words = "current: this is not the admin password of now";
            return Err(wrong("current", words).with_status(StatusCode::FORBIDDEN));
        }
        Err(why) => return Err(why.into()),
    }
    let shared = &app.shared;
    let wanted = Wanted { admin, viewer };
    let passwords = shared
        .authority
        .passwords(&shared.auth_state.now(), current, wanted)
        .await?;
    let changed_at = passwords.changed_at;
    let news = AuthState {
        passwords: Some(passwords),
        ..AuthState::default()
    };
    info!(from = %address(&request), "the passwords were changed; all sessions and tokens have ended");
    shared.learn(&news).wait().await.map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the passwords are changed, but {why}"),
        )
    })?;
    let mut answer = HttpResponse::Ok();
    if matches!(caller.credential, Credential::Session(_)) {
        answer.cookie(cookie(shared, &new_session(&app, Access::Admin)?));
    }
    Ok(answer
        .insert_header(("Cache-Control", "no-store"))
        .json(Changed {
            changed_at: changed_at as f64 / 1000.0,
            reach: shared.authority.reach(),
        }))
}

fn allowed(field: &'static str, password: &str) -> Result<(), Problem> {
    auth::allowed(password).map_err(|why| wrong(field, format!("{field}: {why}")))
}

fn wrong(field: &'static str, words: impl Into<String>) -> Problem {
    Problem::of_field(field, words)
}
