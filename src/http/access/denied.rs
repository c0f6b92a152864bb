//! [`Denied`]: why a request is refused for want of a login, and what its sender is told.
//!
//! People get the login page, players are asked for a password, scripts get a problem. A caller
//! that is known but may not do what it asks for is told so (403) by `http::guard`.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use url::form_urlencoded;

use crate::auth::{ClaimsError, LoginError};
use crate::http::Problem;

/// Why a request is refused for want of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It had no credential, or a cookie or ticket that does not count.
    Unknown(Option<ClaimsError>),
    /// Its bearer token does not count.
    Token(ClaimsError),
    /// Its user name and password were not accepted, or it has to wait.
    Login(LoginError),
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
        let challenge = HeaderValue::from_static(challenge(request));
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        answer
    }

    fn problem(self) -> Problem {
        let unauthorized = |why: String| Problem::new(StatusCode::UNAUTHORIZED, why);
        match self {
            Self::Unknown(None) => unauthorized(
                "log in first: on the page /login, with HTTP Basic as viewer or admin, or with a \
                 bearer token"
                    .to_owned(),
            ),
            Self::Unknown(Some(why)) => {
                unauthorized(format!("log in again: your login does not count, {why}"))
            }
            Self::Token(why) => unauthorized(format!("this token does not count: {why}")),
            Self::Login(why) => why.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(why: LoginError) -> Self {
        let detail = why.to_string();
        match why {
            LoginError::Wrong => Self::new(StatusCode::UNAUTHORIZED, detail),
            LoginError::Throttled(wait) => {
                let seconds = wait.as_secs() + 1;
                Self::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(seconds)
            }
            LoginError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5),
            LoginError::StateLost => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail),
            LoginError::Internal => Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
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

/// The question that a 401 has to carry (RFC 9110 §15.5.2). To that for Basic credentials (RFC
/// 7617) a browser opens a dialog of its own over the page, for each of its pictures and scripts;
/// so these are asked for a bearer token (RFC 6750), to which no browser opens one. Players and
/// recorders send Basic credentials only when they are asked, and some call themselves Mozilla:
/// where pictures are, only those of this camera's own pages are not asked.
fn challenge(request: &HttpRequest) -> &'static str {
    let of_page = if is_picture(request) {
        is_of_own_page(request.headers())
    } else {
        is_browser(request.headers())
    };
    if of_page {
        "Bearer realm=\"Porthole\""
    } else {
        "Basic realm=\"Porthole\", charset=\"UTF-8\""
    }
}

/// Whether a picture is asked for, or a stream of them, also as mjpg-streamer named them.
fn is_picture(request: &HttpRequest) -> bool {
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    match request.path() {
        "/stream.mjpg" | "/snapshot.jpg" => true,
        "/" => query.any(|(name, _)| name == "action"),
        _ => false,
    }
}

/// Whether a page of this camera asks: the pages' `Referrer-Policy` has browsers say so to their
/// own site.
fn is_of_own_page(headers: &HeaderMap) -> bool {
    let page = header(headers, "referer").and_then(|page| page.split_once("://"));
    let site = page.and_then(|(_, rest)| rest.split('/').next());
    site.is_some() && site == header(headers, "host")
}

/// Whether the request is a browser's. `Sec-Fetch-*` tells it, but over plain HTTP no browser sends
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
        for (sender, headers, status, asked) in cases {
            let request = headers.iter().fold(
                TestRequest::get().uri("/camera?a=b&c"),
                |request, header| request.insert_header(*header),
            );
            let answer = Denied::Unknown(None).answer(&request.to_http_request());
            assert_eq!(answer.status(), status, "{sender}");
            let question = answer.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(question.is_some(), status == 401, "{sender}");
            let basic = question.is_some_and(|asked| asked.as_bytes().starts_with(b"Basic "));
            assert_eq!(basic, asked, "{sender}");
            if status == 303 {
                let location = answer.headers().get(header::LOCATION).unwrap();
                assert_eq!(location, "/login?next=%2Fcamera%3Fa%3Db%26c");
            }
        }
        let posted = TestRequest::post().insert_header(PAGE).to_http_request();
        assert_eq!(Denied::Unknown(None).answer(&posted).status(), 401);
    }

    #[test]
    fn where_pictures_are_everybody_is_asked_but_the_own_pages() {
        let question = |path: &str, headers: &[(&str, &str)]| {
            let request = TestRequest::get()
                .uri(path)
                .insert_header(("host", "192.168.1.20:8080"))
                .insert_header(("user-agent", "Mozilla/5.0"));
            let request = headers
                .iter()
                .fold(request, |request, header| request.insert_header(*header));
            let answer = Denied::Unknown(None).answer(&request.to_http_request());
            let question = answer.headers().get(header::WWW_AUTHENTICATE).cloned();
            question.unwrap().to_str().unwrap().to_owned()
        };
        let basic = "Basic realm=\"Porthole\", charset=\"UTF-8\"";
        let bearer = "Bearer realm=\"Porthole\"";
        for picture in [
            "/stream.mjpg",
            "/snapshot.jpg?width=320",
            "/?action=stream",
            "/?action=snapshot",
        ] {
            assert_eq!(question(picture, &[]), basic, "{picture}");
            let other = ("referer", "http://192.168.1.21:8080/");
            assert_eq!(question(picture, &[other]), basic, "{picture}");
            let own = ("referer", "http://192.168.1.20:8080/camera");
            assert_eq!(question(picture, &[own]), bearer, "{picture}");
        }
        for elsewhere in ["/", "/api/v1/status"] {
            assert_eq!(question(elsewhere, &[]), bearer, "{elsewhere}");
        }
    }
}
