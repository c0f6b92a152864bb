//! `PUT /api/v1/passwords`: new passwords, for all cameras of the site. It ends all sessions and
//! tokens.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::authenticate::verify_password;
use super::login::new_session;
use super::session::cookie;
use super::{Caller, Credential};
use crate::auth::{self, Access, LoginError, LoginScope, PasswordChange, ViewerPasswordChange};
use crate::http::client_address::client_address;
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use crate::site::AuthState;

/// Which passwords are asked for. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordsOrder, min_properties = 2)]
#[serde(deny_unknown_fields)]
pub struct PasswordsRequest {
    /// The admin password of now, again: a session that was left open, or stolen, is not enough.
    current: String,
    /// A new one for the admin.
    #[schema(value_type = String, required = false, min_length = 8, max_length = 128)]
    admin: Option<String>,
    /// A new one for the viewer. `null`: nobody can log in as viewer any more.
    #[serde(default = "keep", deserialize_with = "set_or_remove")]
    #[schema(value_type = Option<String>, required = false, min_length = 8, max_length = 128)]
    viewer: ViewerPasswordChange,
}

/// The answer: since when the new passwords count, and on which cameras.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordsChanged)]
pub struct PasswordsChanged {
    /// Seconds since 1970.
    changed_at: f64,
    reach: LoginScope,
}

fn keep() -> ViewerPasswordChange {
    ViewerPasswordChange::Keep
}

/// Tells `null` (remove it) from what is left out (keep it).
fn set_or_remove<'de, D: Deserializer<'de>>(value: D) -> Result<ViewerPasswordChange, D::Error> {
    let viewer = Option::<String>::deserialize(value)?;
    Ok(viewer.map_or(ViewerPasswordChange::Remove, ViewerPasswordChange::Set))
}

/// Change the passwords
///
/// On all cameras with the same site key. It ends all sessions and tokens, and answers with a new
/// cookie for the session that asked.
#[utoipa::path(
    put,
    path = "/api/v1/passwords",
    tag = "access",
    request_body = PasswordsRequest,
    responses(
        (status = 200, description = "They count now", body = PasswordsChanged),
        (status = 403, description = "`current` is not the admin's password, or this \
         caller may not do that"),
        (status = 500, description = "They count now, but that could not be kept on the disk"),
    ),
)]
pub async fn change(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    order: Json<Object<PasswordsRequest>>,
) -> Result<HttpResponse, Problem> {
    let PasswordsRequest {
        current,
        admin,
        viewer,
    } = order.into_inner().0;
    if admin.is_none() && matches!(viewer, ViewerPasswordChange::Keep) {
        return Err(invalid(
            "admin",
            "admin or viewer: at least one of them must be given",
        ));
    }
    if let Some(admin) = &admin {
        check_new_password("admin", admin)?;
    }
    if let ViewerPasswordChange::Set(viewer) = &viewer {
        check_new_password("viewer", viewer)?;
    }
    verify_current(&request, &app, &current).await?;
    let shared = &app.shared;
    let change = PasswordChange { admin, viewer };
    let from = client_address(&request);
    let passwords = shared
        .authority
        .hash_new_passwords(&shared.auth_state.now(), current, change, from)
        .await?;
    let changed_at = passwords.changed_at;
    let changed = AuthState {
        passwords: Some(passwords),
        ..AuthState::default()
    };
    info!(%from, "the passwords were changed; all sessions and tokens have ended");
    shared.learn(&changed).wait().await.map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the passwords are changed, but {why}"),
        )
    })?;
    let mut answer = HttpResponse::Ok();
    if matches!(caller.credential, Credential::Session(_)) {
        answer.cookie(cookie(shared, &new_session(&app, Access::Admin, from)?));
    }
    Ok(answer
        .insert_header(("Cache-Control", "no-store"))
        .json(PasswordsChanged {
            changed_at: changed_at as f64 / 1000.0,
            reach: shared.authority.login_scope(),
        }))
}

/// Whether this is the admin's password, which is asked for again: a session that was left open, or
/// stolen, is not enough.
pub(super) async fn verify_current(
    request: &HttpRequest,
    app: &App,
    current: &str,
) -> Result<(), Problem> {
    match verify_password(request, app, Access::Admin.as_str(), current).await {
        Ok(_) => Ok(()),
        Err(LoginError::Wrong) => {
            let detail = "current: this is not the admin password of now";
            Err(invalid("current", detail).with_status(StatusCode::FORBIDDEN))
        }
        Err(why) => Err(why.into()),
    }
}

fn check_new_password(field: &'static str, password: &str) -> Result<(), Problem> {
    auth::check_new_password(password).map_err(|why| invalid(field, format!("{field}: {why}")))
}

fn invalid(field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::of_field(field, detail)
}
