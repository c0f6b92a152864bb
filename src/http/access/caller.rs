//! Who asks, and what somebody without leave is told.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracing::{debug, info};
use url::form_urlencoded;

use super::session::NAME;
use crate::auth::{Access, Claims, Refused, Rejected};
use crate::http::client_network::client_network;
use crate::http::{App, Problem};
use crate::metrics::Login;

/// Who asks. Every request carries one in its extensions.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// What it is shown by.
    pub credential: Credential,
    /// Why the cookie that was sent does not count.
    pub stale: Option<Rejected>,
}

/// By what it is shown what somebody may.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// By nothing.
    #[default]
    Nothing,
    /// By nothing, where anybody may watch (`auth.public_view`).
    PublicView,
    /// By a session's cookie.
    Session(Claims),
    /// By a token, or a session, in a header.
    Bearer(Claims),
    /// By user name and password in a header.
    Password(Access),
    /// By a pass for this camera's pictures in the address.
    Pass,
}

impl Caller {
    /// What it may do.
    pub fn access(&self) -> Option<Access> {
        match &self.credential {
            Credential::Nothing => None,
            Credential::PublicView | Credential::Pass => Some(Access::Viewer),
            Credential::Session(claims) | Credential::Bearer(claims) => Some(claims.access),
            Credential::Password(access) => Some(*access),
        }
    }

    /// What it has logged in as.
    pub fn logged_in(&self) -> Option<Access> {
        match self.credential {
            Credential::PublicView => None,
            _ => self.access(),
        }
    }

    /// The session or token that it is shown by.
    pub fn claims(&self) -> Option<&Claims> {
        match &self.credential {
            Credential::Session(claims) | Credential::Bearer(claims) => Some(claims),
            _ => None,
        }
    }
}

/// What a path wants to know, from the least strict to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthPolicy {
    /// Nothing: anybody may, or the route asks for the LAN.
    Public,
    /// Who it is, if it has a session; anybody may.
    Optional,
    /// Who it is: viewers may, at least.
    Required,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It sent nothing, or a cookie that does not count.
    Unknown(Option<Rejected>),
    /// Its token does not count.
    Token(Rejected),
    /// Its credentials were not accepted.
    Refused(Refused),
}

/// Who sends this request. A token goes first, since no browser sends one by itself; a good cookie
/// next, so that an old password that a browser keeps sending does no harm.
///
/// # Errors
/// When a token or a password was sent that does not count.
pub async fn recognise(
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
        return match authority.bearer(token, auth_state) {
            Ok(claims) => Ok(credential(Credential::Bearer(claims))),
            Err(why) => Err(bad_token(http, app, why)),
        };
    }
    let cookie = request.cookie(NAME);
    let session = cookie.map(|cookie| authority.session(cookie.value(), auth_state));
    let stale = match session {
        Some(Ok(claims)) => return Ok(credential(Credential::Session(claims))),
        Some(Err(why)) => Some(why),
        None => None,
    };
    if let Some(encoded) = credentials(request.headers(), "Basic")
        && policy == AuthPolicy::Required
    {
        let (user, password) = decode(encoded).unwrap_or_default();
        let access = prove(http, app, &user, &password).await;
        return access
            .map(|access| credential(Credential::Password(access)))
            .map_err(Denied::Refused);
    }
    if let Some(pass) = pass(request) {
        let me = app.shared.identity.id;
        return match authority.pictures(&pass, auth_state, me, address(http)) {
            Ok(_) => Ok(credential(Credential::Pass)),
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

/// Whether user name and password are right; counted and logged.
///
/// # Errors
/// Why they were not accepted.
pub async fn prove(
    request: &HttpRequest,
    app: &App,
    user: &str,
    password: &str,
) -> Result<Access, Refused> {
    let shared = &app.shared;
    let (from, network) = (address(request), client_network(request, app));
    let proven = shared
        .authority
        .prove(&shared.auth_state, user, password, from, network)
        .await;
    match proven {
        Ok(_) => {}
        // What was typed as a name may be a password.
        Err(Refused::Wrong) => {
            let user = Access::of_user(user).map(Access::as_str);
            info!(%from, user, "a wrong password");
        }
        Err(why) => debug!(%from, %why, "not let in"),
    }
    shared.metrics.logins_total.of(outcome(proven)).inc();
    proven
}

fn outcome(proven: Result<Access, Refused>) -> Login {
    match proven {
        Ok(_) => Login::Right,
        Err(Refused::Wrong) => Login::Wrong,
        Err(Refused::Wait(_)) => Login::Throttled,
        Err(Refused::Busy | Refused::Broken) => Login::Busy,
    }
}

/// A token that was never one is a guess; one that has ended is not.
fn bad_token(request: &HttpRequest, app: &App, why: Rejected) -> Denied {
    if !matches!(why, Rejected::Unreadable | Rejected::Signature) {
        return Denied::Token(why);
    }
    let (from, network) = (address(request), client_network(request, app));
    let failed = app.shared.authority.fail(from, network);
    let counted = failed.err().map_or(Login::Wrong, |why| outcome(Err(why)));
    app.shared.metrics.logins_total.of(counted).inc();
    failed.map_or_else(Denied::Refused, |()| Denied::Token(why))
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

/// The pass in the address of a picture; nothing elsewhere.
fn pass(request: &ServiceRequest) -> Option<String> {
    let picture = matches!(request.path(), "/snapshot.jpg" | "/stream.mjpg");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    let found = query.find(|(name, _)| name == "pass");
    found
        .filter(|_| picture && reads)
        .map(|(_, pass)| pass.into_owned())
}

/// Where the connection comes from.
pub fn address(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl Denied {
    /// The answer: the login page for a person, a problem for a program.
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        let problem = self.problem();
        if problem.status() != StatusCode::UNAUTHORIZED {
            return problem.error_response();
        }
        if is_navigation(request) {
            return to_login(request);
        }
        let mut answer = problem.error_response();
        if !is_browser(request.headers()) {
            answer.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"Porthole\", charset=\"UTF-8\""),
            );
        }
        answer
    }

    fn problem(self) -> Problem {
        let unauthorized = |why: String| Problem::new(StatusCode::UNAUTHORIZED, why);
        match self {
            Self::Unknown(None) => unauthorized(
                "log in first: on the page /login, with HTTP Basic as viewer or admin, or with a bearer token"
                    .to_owned(),
            ),
            Self::Unknown(Some(why)) => unauthorized(format!("log in again: your login does not count, {why}")),
            Self::Token(why) => unauthorized(format!("this token does not count: {why}")),
            Self::Refused(refused) => refused.into(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let words = refused.to_string();
        match refused {
            Refused::Wrong => Self::new(StatusCode::UNAUTHORIZED, words),
            Refused::Wait(wait) => {
                let seconds = wait.as_secs() + 1;
                Self::new(StatusCode::TOO_MANY_REQUESTS, words).retry_after(seconds)
            }
            Refused::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, words).retry_after(5),
            Refused::Broken => Self::new(StatusCode::INTERNAL_SERVER_ERROR, words),
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a person is about to see the answer as a page.
fn is_navigation(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let accepts_pages = header(headers, "accept").is_some_and(|kinds| kinds.contains("text/html"));
    let navigates = header(headers, "sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    matches!(*request.method(), Method::GET | Method::HEAD) && accepts_pages && navigates
}

/// Whether the request is a browser's. A browser that is asked for Basic credentials opens a dialog
/// of its own over the page, for each of its pictures and scripts; players and recorders send
/// theirs only when they are asked. `Sec-Fetch-*` tells it, but over plain HTTP no browser sends
/// these; then all of them still call themselves Mozilla.
fn is_browser(headers: &HeaderMap) -> bool {
    let fetched = ["sec-fetch-mode", "sec-fetch-dest", "sec-fetch-site"]
        .into_iter()
        .any(|name| headers.contains_key(name));
    fetched || header(headers, "user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
}

fn to_login(request: &HttpRequest) -> HttpResponse {
    let here = request
        .uri()
        .path_and_query()
        .map_or("/", |here| here.as_str());
    let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/login?next={next}")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn people_get_the_login_page_players_the_question_and_scripts_neither() {
        const CHROME: (&str, &str) = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140");
        const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let cases: [(_, &[_], _, _); 6] = [
            ("a person", &[CHROME, PAGE], 303, false),
            (
                "a person, over TLS",
                &[CHROME, PAGE, ("sec-fetch-mode", "navigate")],
                303,
                false,
            ),
            (
                "a script of a page",
                &[CHROME, ("accept", "*/*")],
                401,
                false,
            ),
            (
                "a script, over TLS",
                &[CHROME, PAGE, ("sec-fetch-mode", "cors")],
                401,
                false,
            ),
            (
                "ffmpeg",
                &[("user-agent", "Lavf/61.7.100"), ("accept", "*/*")],
                401,
                true,
            ),
            ("nobody in particular", &[], 401, true),
        ];
        for (who, headers, status, asked) in cases {
            let request = headers.iter().fold(
                TestRequest::get().uri("/camera?a=b&c"),
                |request, header| request.insert_header(*header),
            );
            let answer = Denied::Unknown(None).answer(&request.to_http_request());
            assert_eq!(answer.status(), status, "{who}");
            let question = answer.headers().contains_key(header::WWW_AUTHENTICATE);
            assert_eq!(question, asked, "{who}");
            if status == 303 {
                let location = answer.headers().get(header::LOCATION).unwrap();
                assert_eq!(location, "/login?next=%2Fcamera%3Fa%3Db%26c");
            }
        }
        let posted = TestRequest::post().insert_header(PAGE).to_http_request();
        assert_eq!(Denied::Unknown(None).answer(&posted).status(), 401);
    }

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
