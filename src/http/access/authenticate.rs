//! [`authenticate`] decides who sends a request, by the first credential in it that there is, and
//! asks [`Authority`](crate::auth::Authority) whether that counts. What the caller may do with it
//! is decided in `http::guard`.

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracing::{debug, info};
use url::form_urlencoded;

use super::session::cookie_names;
use super::{AuthPolicy, Caller, Credential, Denied};
use crate::auth::{Access, ClaimsError, LoginError, LoginSource};
use crate::http::App;
use crate::http::client_address::client_address;
use crate::http::client_network::client_network;
use crate::metrics::Login;

/// The user name that says that the password is a token: players know no other way to send one.
const TOKEN_USER: &str = "token";

/// Finds out who sends this request, as far as `policy` wants to know. A bearer token goes first,
/// since no browser sends one by itself; a good cookie next, so that an old password that a browser
/// keeps sending does no harm; then a password, then a ticket.
///
/// # Errors
/// When a token, a password or a ticket was sent that does not count. A cookie that does not count
/// is no error but [`Caller::stale`].
pub async fn authenticate(
    request: &ServiceRequest,
    app: &App,
    policy: AuthPolicy,
) -> Result<Caller, Denied> {
    let http = request.request();
    let credential = |credential| Caller {
        credential,
        stale: None,
    };
    if policy == AuthPolicy::Public {
        return Ok(Caller::default());
    }
    let (authority, auth_state) = (&app.shared.authority, &app.shared.auth_state);
    if let Some(token) = credentials(request.headers(), "Bearer") {
        return match authority.check_bearer(token, auth_state, client_address(http)) {
            Ok(claims) => Ok(credential(Credential::Bearer(claims))),
            Err(why) => Err(bad_token(http, app, why)),
        };
    }
    let mut stale = None;
    // Another port of this host can set one of the same name, which browsers may send first.
    let names: Vec<String> = cookie_names(authority).collect();
    let cookies = http.cookies();
    let cookies = cookies.iter().flat_map(|cookies| cookies.iter());
    for cookie in cookies.filter(|cookie| names.iter().any(|name| name == cookie.name())) {
        match authority.check_session(cookie.value(), auth_state, client_address(http)) {
            Ok(claims) => return Ok(credential(Credential::Session(claims))),
            Err(why) => stale = stale.or(Some(why)),
        }
    }
    if let Some(encoded) = credentials(request.headers(), "Basic")
        && policy == AuthPolicy::Required
    {
        let (user, password) = decode(encoded).unwrap_or_default();
        if user == TOKEN_USER {
            return match authority.check_bearer(&password, auth_state, client_address(http)) {
                Ok(claims) => Ok(credential(Credential::Bearer(claims))),
                Err(why) => Err(bad_token(http, app, why)),
            };
        }
        let access = verify_password(http, app, &user, &password).await;
        return access
            .map(|access| credential(Credential::Password(access)))
            .map_err(Denied::Login);
    }
    if let Some(ticket) = picture_ticket(request) {
        let me = app.shared.identity.id;
        return match authority.check_picture_ticket(&ticket, auth_state, me, client_address(http)) {
            Ok(_) => Ok(credential(Credential::Ticket)),
            Err(why) => Err(Denied::Unknown(Some(why))),
        };
    }
    let public = app.shared.settings.auth.public_view;
    Ok(Caller {
        credential: if public {
            Credential::PublicView
        } else {
            Credential::Nothing
        },
        stale,
    })
}

/// What somebody with this user name and password may do; counted and logged.
///
/// # Errors
/// Why they were not accepted.
pub async fn verify_password(
    request: &HttpRequest,
    app: &App,
    user: &str,
    password: &str,
) -> Result<Access, LoginError> {
    let shared = &app.shared;
    let (from, network) = (client_address(request), client_network(request, app));
    let agent = request.headers().get(header::USER_AGENT);
    let source = LoginSource {
        address: from,
        network,
        agent: agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    };
    let verified = shared
        .authority
        .verify_password(&shared.auth_state, user, password, source)
        .await;
    match verified {
        Ok(_) => {}
        // What was typed as a name may be a password.
        Err(LoginError::Wrong) => {
            let user = Access::of_user(user).map(Access::as_str);
            info!(%from, user, "a wrong password");
        }
        Err(why) => debug!(%from, %why, "not let in"),
    }
    shared.metrics.logins_total.of(metric_label(verified)).inc();
    verified
}

/// How the metric `porthole_logins_total` counts it.
fn metric_label(verified: Result<Access, LoginError>) -> Login {
    match verified {
        Ok(_) => Login::Right,
        Err(LoginError::Wrong) => Login::Wrong,
        Err(LoginError::Throttled(_)) => Login::Throttled,
        Err(LoginError::Busy | LoginError::StateLost | LoginError::Internal) => Login::Busy,
    }
}

/// A token that was never signed here is a guess, and throttled as one; one that has ended is not.
fn bad_token(request: &HttpRequest, app: &App, why: ClaimsError) -> Denied {
    if !matches!(why, ClaimsError::Malformed | ClaimsError::BadSignature) {
        return Denied::Token(why);
    }
    let (from, network) = (client_address(request), client_network(request, app));
    let failed = app.shared.authority.record_failure(from, network);
    let counted = failed
        .err()
        .map_or(Login::Wrong, |why| metric_label(Err(why)));
    app.shared.metrics.logins_total.of(counted).inc();
    failed.map_or_else(Denied::Login, |()| Denied::Token(why))
}

/// What follows the name of the scheme in `Authorization` (RFC 9110 §11.4).
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// User name and password (RFC 7617).
fn decode(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The ticket in the address of a picture; none elsewhere.
fn picture_ticket(request: &ServiceRequest) -> Option<String> {
    let picture = matches!(request.path(), "/snapshot.jpg" | "/stream.mjpg");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    let found = query.find(|(name, _)| name == "ticket");
    found
        .filter(|_| picture && reads)
        .map(|(_, ticket)| ticket.into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn credentials_are_read_as_the_standards_have_them() {
        let with = |value: &str| {
            let request = TestRequest::get().insert_header((header::AUTHORIZATION, value));
            request.to_http_request().headers().clone()
        };
        let basic = with("basic dGVzdDoxMjM6wqM=");
        let encoded = credentials(&basic, "Basic").unwrap();
        assert_eq!(
            decode(encoded),
            Some(("test".to_owned(), "123:£".to_owned()))
        );
        assert_eq!(credentials(&basic, "Bearer"), None);
        assert_eq!(
            credentials(&with("Bearer  v1.a.b"), "Bearer"),
            Some("v1.a.b")
        );
        for noise in ["!", "dGVzdA==", "//79"] {
            assert_eq!(decode(noise), None, "{noise}");
        }
    }
}
