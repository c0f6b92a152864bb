//! The cookie that carries a session: how it is set, renewed and taken away. Whether the session
//! in it counts is decided by [`Authority::check_session`](crate::auth::Authority::check_session).

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::{Caller, Credential};
use crate::auth::{Authority, Claims, unix_now};
use crate::fleet::Scheme;
use crate::http::client_address::told_by_proxy;
use crate::shared::SharedState;

/// What the cookie's name begins with.
pub const COOKIE_PREFIX: &str = "porthole_session";

/// The names that a session's cookie may have, the one that is set first. Cookies do not look at
/// ports (RFC 6265 §8.5): behind one router one cookie reaches every camera. The name says which
/// key signed it, so that cameras without a site key, or of two sites, keep one each.
pub fn cookie_names(authority: &Authority) -> impl Iterator<Item = String> {
    let ids = authority.key_ids().iter();
    ids.map(|id| format!("{COOKIE_PREFIX}_{id}"))
}

/// The cookie of this session. No script reads it, no other site's form sends it, and where this
/// server speaks TLS it never travels without.
pub fn cookie(shared: &SharedState, session: &Claims) -> Cookie<'static> {
    let left = session.expires.saturating_sub(unix_now());
    let name = cookie_names(&shared.authority).next().unwrap_or_default();
    build_cookie(shared, name, shared.authority.sign(session), left)
}

/// The cookies that make a browser forget the session: empty, and expired at once.
pub fn expired_cookies(shared: &SharedState) -> impl Iterator<Item = Cookie<'static>> {
    cookie_names(&shared.authority).map(|name| build_cookie(shared, name, String::new(), 0))
}

/// Gives a session that is in use, and past its half, a later end ([`Claims::renewed`]); unless the
/// answer sets the cookie already.
pub fn renew<B>(shared: &SharedState, caller: &Caller, answer: &mut HttpResponse<B>) {
    let Credential::Session(session) = &caller.credential else {
        return;
    };
    let Some(renewed) = session.renewed(unix_now()) else {
        return;
    };
    if answer
        .cookies()
        .any(|cookie| cookie.name().starts_with(COOKIE_PREFIX))
    {
        return;
    }
    if let Err(error) = answer.add_cookie(&cookie(shared, &renewed)) {
        tracing::warn!(%error, "a session could not be renewed");
    }
}

/// Where a trusted proxy says that the client came to it by TLS, what an answer sets never travels
/// without it either; `X-Forwarded-Proto` of anybody else says nothing.
pub fn secure_cookies(request: &HttpRequest, headers: &mut HeaderMap) {
    if told_by_proxy(request, "x-forwarded-proto") != Some("https") {
        return;
    }
    let set: Vec<_> = headers.remove(header::SET_COOKIE).collect();
    for value in set {
        let secured = with_secure(value.as_bytes());
        headers.append(header::SET_COOKIE, secured.unwrap_or(value));
    }
}

/// The cookie with the attribute `Secure`; none where it has it.
fn with_secure(cookie: &[u8]) -> Option<HeaderValue> {
    const SECURE: &[u8] = b"; Secure";
    let has = cookie.windows(SECURE.len()).any(|part| part == SECURE);
    HeaderValue::from_bytes(&[cookie, SECURE].concat())
        .ok()
        .filter(|_| !has)
}

fn build_cookie(
    shared: &SharedState,
    name: String,
    value: String,
    seconds: u64,
) -> Cookie<'static> {
    Cookie::build(name, value)
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .max_age(Duration::seconds(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        ))
        .secure(shared.scheme() == Scheme::Https)
        .finish()
}
