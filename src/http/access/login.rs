//! `/login` and `/logout`: a session for whoever has the right password, and its end.
//!
//! Whether a password is right is decided by [`verify_password`].

use std::net::IpAddr;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Form, Json, Query, ReqData};
use actix_web::{Either, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::{IntoParams, ToSchema};

use super::authenticate::verify_password;
use super::session::{cookie, expired_cookies};
use super::{Caller, Credential};
use crate::auth::{Access, Claims, ClaimsError, LoginError, unix_now};
use crate::http::client_address::client_address;
use crate::http::json_object::Object;
use crate::http::pages::{self, LoginPage};
use crate::http::{App, Problem, problem};
use crate::site::{AuthState, SessionId};

/// The longest path that a login leads back to, in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// The query of `/login`: where to go afterwards.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LoginQuery {
    /// A path of this server; anything else leads to `/`.
    #[param(example = "/camera")]
    next: Option<String>,
}

/// What is filled in, as a form or as JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = Login)]
#[serde(deny_unknown_fields)]
pub struct LoginForm {
    /// `viewer` or `admin`.
    #[schema(example = "viewer")]
    user: String,
    /// The password of this user, in plain text.
    password: String,
    /// Where to go afterwards, a path of this server; of a form only.
    next: Option<String>,
}

/// The answer to a program.
#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    access: Access,
    /// When the session ends unless it is used, seconds since 1970.
    expires_at: u64,
}

/// The form
#[utoipa::path(
    get,
    path = "/login",
    tag = "access",
    security(()),
    params(LoginQuery),
    responses(
        (status = 200, description = "The page with the form", body = String,
         content_type = "text/html"),
    ),
)]
pub async fn form(
    app: Data<App>,
    caller: ReqData<Caller>,
    query: Query<LoginQuery>,
) -> Result<HttpResponse, Problem> {
    let shared = &app.shared;
    let notice = if shared.authority.is_locked(&shared.auth_state) {
        Some(sentence(&LoginError::StateLost.to_string()))
    } else {
        caller.stale.and_then(stale_notice)
    };
    let next = local_path(query.next.as_deref());
    render_page(&mut HttpResponse::Ok(), &app, &caller, notice, next, None)
}

/// Log in
///
/// As a form, answered with a page or a redirect, or as JSON, answered with JSON. Either way the
/// cookie `porthole_session_…` is set: a session, good on every camera with the same site key, and
/// for the client at this address. The rest of its name tells sites apart.
#[utoipa::path(
    post,
    path = "/login",
    tag = "access",
    security(()),
    request_body(content(
        (LoginForm = "application/json"),
        (LoginForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "To JSON: logged in", body = LoggedIn),
        (status = 303, description = "To a form: logged in, and where to go now"),
        (status = 401, description = "Not the right password; to a form, the page with the form \
         again",
         content((problem::ProblemBody = "application/problem+json"), (String = "text/html"))),
        (status = 429, description = "Too many wrong tries came from there; to a form, the page \
         with the form again",
         content((problem::ProblemBody = "application/problem+json"), (String = "text/html"))),
        (status = 503, description = "Too many log in at the moment; to a form, the page with the \
         form again",
         content((problem::ProblemBody = "application/problem+json"), (String = "text/html"))),
    ),
)]
pub async fn login(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    filled: Result<Either<Form<LoginForm>, Json<Object<LoginForm>>>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let unreadable = |why| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the body cannot be read: {why}"),
        )
    };
    match filled.map_err(unreadable)? {
        Either::Left(Form(filled)) => {
            let next = local_path(filled.next.as_deref());
            match log_in(&request, &app, &filled).await {
                Ok(session) => Ok(HttpResponse::SeeOther()
                    .cookie(cookie(&app.shared, &session))
                    .insert_header((header::LOCATION, next))
                    .insert_header((header::CACHE_CONTROL, "no-store"))
                    .finish()),
                Err(problem) => {
                    // With the status and the headers of the problem, Retry-After among them.
                    let refused = problem.error_response();
                    let mut answer = HttpResponse::build(refused.status());
                    if let Some(seconds) = refused.headers().get(header::RETRY_AFTER) {
                        answer.insert_header((header::RETRY_AFTER, seconds.clone()));
                    }
                    let notice = Some(sentence(problem.detail()));
                    let user = Access::of_user(&filled.user);
                    render_page(&mut answer, &app, &caller, notice, next, user)
                }
            }
        }
        Either::Right(Json(Object(filled))) => {
            let session = log_in(&request, &app, &filled).await?;
            Ok(HttpResponse::Ok()
                .cookie(cookie(&app.shared, &session))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .json(LoggedIn {
                    access: session.access,
                    expires_at: session.expires,
                }))
        }
    }
}

/// Log out
///
/// Ends the session of the cookie, or of the token that is sent: here at once, on the site's other
/// cameras as soon as they hear of it.
#[utoipa::path(
    post,
    path = "/logout",
    tag = "access",
    security(()),
    responses(
        (status = 204, description = "To JSON: there is no session any more"),
        (status = 303, description = "To anything else: the same, and the way to the form"),
        (status = 429, description = "Too many viewers have logged out from there"),
    ),
)]
pub async fn logout(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
) -> Result<HttpResponse, Problem> {
    if let Credential::Session(claims) | Credential::Bearer(claims) = &caller.credential {
        let shared = &app.shared;
        let recorded = shared
            .authority
            .record_log_out(claims, client_address(&request));
        recorded.map_err(|wait| {
            let seconds = wait.as_secs() + 1;
            let why = format!("too many viewers have logged out from there; try in {seconds} s");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, why).retry_after(seconds)
        })?;
        let ended = shared.auth_state.with(|known| claims.ending(known));
        if let Err(why) = app.shared.learn(&ended).wait().await {
            warn!(%why, "a session was ended");
        }
        info!(access = %claims.access, from = %client_address(&request), "logged out");
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let mut answer = if json {
        HttpResponse::NoContent()
    } else {
        let mut answer = HttpResponse::SeeOther();
        answer.insert_header((header::LOCATION, "/login"));
        answer
    };
    for expired in expired_cookies(&app.shared) {
        answer.cookie(expired);
    }
    Ok(answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish())
}

/// A session for whoever has the right password.
async fn log_in(request: &HttpRequest, app: &App, filled: &LoginForm) -> Result<Claims, Problem> {
    let access = verify_password(request, app, &filled.user, &filled.password).await?;
    let session = new_session(app, access, client_address(request))?;
    info!(%access, from = %client_address(request), "logged in");
    Ok(session)
}

/// A session that begins now, for the client at `from`.
pub(super) fn new_session(app: &App, access: Access, from: IpAddr) -> Result<Claims, Problem> {
    let id = SessionId::random().map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("no randomness for a session: {why}"),
        )
    })?;
    let make = |auth_state: &_| Claims::session(id, access, unix_now(), auth_state);
    Ok(make_claims(app, make).for_client(from))
}

/// A session or token that counts, made by `make`.
pub(super) fn make_claims(app: &App, make: impl Fn(&AuthState) -> Claims) -> Claims {
    let shared = &app.shared;
    let room = shared
        .auth_state
        .with(|auth_state| make(auth_state).making_room(auth_state));
    if let Some(room) = room {
        warn!("the clock was wrong: logins of before have ended");
        shared.learn(&room).detach();
    }
    shared.auth_state.with(make)
}

/// What a person is told of a cookie that does not count any more; nothing of one that was never
/// ours, or was ended on purpose.
fn stale_notice(why: ClaimsError) -> Option<String> {
    match why {
        ClaimsError::Malformed
        | ClaimsError::BadSignature
        | ClaimsError::WrongPurpose
        | ClaimsError::Revoked => None,
        ClaimsError::Expired
        | ClaimsError::NotYetValid { .. }
        | ClaimsError::PasswordsChanged
        | ClaimsError::OtherClient
        | ClaimsError::StateLost
        | ClaimsError::PasswordsUnheard => {
            Some(format!("Your login does not count any more: {why}."))
        }
    }
}

/// A problem's detail as a sentence for people.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn render_page(
    answer: &mut HttpResponseBuilder,
    app: &App,
    caller: &Caller,
    notice: Option<String>,
    next: &str,
    user: Option<Access>,
) -> Result<HttpResponse, Problem> {
    let rendered = pages::login(&LoginPage {
        words: notice,
        next: next.to_owned(),
        user: user.unwrap_or(Access::Admin),
        logged_in: caller.logged_in(),
        reach: app.shared.authority.login_scope(),
    });
    let html =
        rendered.map_err(|why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why.to_string()))?;
    Ok(answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(html))
}

/// The path where it is one of this server, else the fleet page: whoever makes up a link to the
/// login page must not be able to send people elsewhere. What begins with two slashes, or with one
/// of the other kind, names another host; so does `/visit/…` in the end, and browsers let a form
/// lead to no other (`form-action` of the pages' policy).
fn local_path(path: Option<&str>) -> &str {
    let path = path.unwrap_or_default();
    let bytes = path.as_bytes();
    let printable = bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
    let on_this_host = bytes.first() == Some(&b'/') && bytes.get(1) != Some(&b'/');
    let stays = !path.starts_with("/visit/");
    if printable && on_this_host && stays && bytes.len() <= MAX_PATH_BYTES {
        path
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back_to_a_path_of_this_server_and_nowhere_else() {
        for good in ["/", "/camera", "/camera?a=b&c=%2F%2Fd", "/a//b"] {
            assert_eq!(local_path(Some(good)), good);
        }
        for bad in [
            "",
            "camera",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "http://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: a=b",
            " /camera",
            "/ä",
        ] {
            assert_eq!(local_path(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(local_path(None), "/");
        assert_eq!(
            local_path(Some(&format!("/{}", "a".repeat(MAX_PATH_BYTES)))),
            "/"
        );
    }
}
