//! The security headers of every answer: what browsers must not allow, and what pages may load.
//!
//! The pages run their own scripts and nothing else, are shown in no frame, and send forms to this
//! camera only. The one thing they need from elsewhere are the pictures of the other cameras, in
//! tiles that come and go while a page is open: what a page may load is fixed when it is loaded, so
//! it cannot name cameras that come later.
//!
//! `Referrer-Policy` is `same-origin` and not `no-referrer`: with the latter browsers send `Origin:
//! null` with forms, and this camera could not distinguish its own login form from another site's.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};
use url::Url;

use super::App;
use super::client_network::client_network;
use super::links::Links;
use crate::fleet::Scheme;
use crate::lan::ClientNetwork;
use crate::settings::Tls;

/// The same for every answer.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::PERMISSIONS_POLICY, PERMISSIONS),
];

/// A page that shows pictures needs nothing of the client's machine but the whole screen.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), \
                           payment=(), screen-wake-lock=(), serial=(), usb=(), fullscreen=(self)";

/// The policy of what is no page. A browser that opens a picture makes a page around it, with
/// styles of its own.
const NO_PAGE: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; \
                       frame-ancestors 'none'; base-uri 'none'";

/// For how many seconds a browser that came by TLS uses TLS only: long enough to matter, short
/// enough for an owner who gives TLS up to wait for. It counts for the host with all its ports.
const HSTS: &str = "max-age=2592000";

/// The middleware. It is the outermost, so that refusals and the answers to panics have the same
/// headers.
pub async fn add_security_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    match next.call(request).await {
        Ok(mut answer) => {
            let kind = MediaKind::of(answer.headers());
            let policy = AnswerHeaders::of(answer.request(), kind);
            policy.write(answer.headers_mut());
            Ok(answer)
        }
        Err(error) => {
            let mut answer = error.error_response();
            AnswerHeaders::of_no_page().write(answer.headers_mut());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// What an answer is, as its media type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MediaKind {
    /// A page of this server.
    Page,
    /// A camera's picture or stream of pictures, which other cameras' pages show.
    Picture,
    /// Anything else: the API, assets, metrics.
    Other,
}

impl MediaKind {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is = |start: &[u8]| kind.is_some_and(|kind| kind.starts_with(start));
        if is(b"text/html") {
            Self::Page
        } else if is(b"image/jpeg") || is(b"multipart/x-mixed-replace") {
            Self::Picture
        } else {
            Self::Other
        }
    }
}

/// The headers of one answer beyond [`ALWAYS`]: `Content-Security-Policy`,
/// `Cross-Origin-Resource-Policy`, and `Strict-Transport-Security` where it has one.
#[derive(Debug)]
struct AnswerHeaders {
    content_security: String,
    cross_origin_resource: &'static str,
    transport_security: Option<&'static str>,
}

impl AnswerHeaders {
    fn of_no_page() -> Self {
        Self {
            content_security: NO_PAGE.to_owned(),
            cross_origin_resource: "same-origin",
            transport_security: None,
        }
    }

    fn of(request: &HttpRequest, kind: MediaKind) -> Self {
        let Some(app) = request.app_data::<web::Data<App>>() else {
            return Self::of_no_page();
        };
        let settings = &app.shared.settings;
        let content_security = match kind {
            MediaKind::Page => {
                let network = client_network(request, app);
                let links = Links::new(&app.shared);
                let pictures = pictures_from(network, links.host());
                let demo = settings.debug.demo_control.as_deref();
                page(&pictures, demo.and_then(origin).as_deref())
            }
            MediaKind::Picture | MediaKind::Other => NO_PAGE.to_owned(),
        };
        let tls_for_all = matches!(settings.http.tls, Tls::Files { .. })
            && app
                .shared
                .fleet
                .borrow()
                .cameras
                .iter()
                .all(|camera| camera.scheme == Scheme::Https);
        Self {
            content_security,
            cross_origin_resource: cross_origin_resource(kind),
            transport_security: tls_for_all.then_some(HSTS),
        }
    }

    fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            // What a handler has said itself is stricter.
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers.insert(
            header::CROSS_ORIGIN_RESOURCE_POLICY,
            HeaderValue::from_static(self.cross_origin_resource),
        );
        // The host names in it passed the settings' check, or are the router's address.
        let content = HeaderValue::from_str(&self.content_security);
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            content.unwrap_or(HeaderValue::from_static(NO_PAGE)),
        );
        if let Some(transport) = self.transport_security {
            headers.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static(transport),
            );
        }
    }
}

/// Which sites' pages may show an answer (`Cross-Origin-Resource-Policy`). Each camera is a site of
/// its own to a browser: on the LAN it has another address, and outside Chromium takes two ports of
/// one IP address for two sites here. So all pages may show pictures (not read them); the login
/// decides who gets one at all.
fn cross_origin_resource(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Picture => "cross-origin",
        MediaKind::Page | MediaKind::Other => "same-origin",
    }
}

/// Where a page may load the other cameras' pictures from: for a client outside, other ports of the
/// same host; on the LAN, any address by HTTP or HTTPS, since those of later cameras are not known
/// yet.
fn pictures_from(network: ClientNetwork, host: Option<&str>) -> String {
    match (network, host) {
        (ClientNetwork::Lan, _) => " http: https:".to_owned(),
        (ClientNetwork::Outside, Some(host)) => format!(" http://{host}:* https://{host}:*"),
        (ClientNetwork::Outside, None) => String::new(),
    }
}

/// The policy of a page (CSP Level 3).
fn page(pictures: &str, demo: Option<&str>) -> String {
    let demo = demo.map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{pictures}; \
         connect-src 'self'{demo}; font-src 'self'; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

fn origin(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use actix_web::dev::Service as _;
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service};

    use super::*;
    use crate::http::guard;

    #[actix_web::test]
    async fn the_answer_to_a_panic_has_them_too() {
        let panics = || async {
            assert!(std::env::args().count() == usize::MAX, "a test's own panic");
            HttpResponse::Ok().finish()
        };
        let app = init_service(
            actix_web::App::new()
                .route("/", web::get().to(panics))
                .wrap(from_fn(guard::catch_panic))
                .wrap(from_fn(add_security_headers)),
        )
        .await;
        let answer = app.call(TestRequest::get().to_request()).await;
        let answer = match answer {
            Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY);
        assert_eq!(policy.expect("a policy"), NO_PAGE);
        for (name, value) in ALWAYS {
            assert_eq!(answer.headers().get(name).expect("a header"), value);
        }
    }

    #[test]
    fn a_page_runs_nothing_but_its_own() {
        let policy = page("", None);
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self';",
            "connect-src 'self';",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "no {part} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn pictures_come_from_the_site_outside_and_from_any_address_on_the_lan() {
        let host = Some("cam.example.org");
        let outside = page(&pictures_from(ClientNetwork::Outside, host), None);
        assert!(
            outside.contains("img-src 'self' http://cam.example.org:* https://cam.example.org:*;"),
            "{outside}"
        );
        let on_lan = page(&pictures_from(ClientNetwork::Lan, host), None);
        assert!(on_lan.contains("img-src 'self' http: https:;"), "{on_lan}");
        let nowhere = page(&pictures_from(ClientNetwork::Outside, None), None);
        assert!(nowhere.contains("img-src 'self';"), "{nowhere}");
    }

    #[test]
    fn the_demos_button_may_call_its_own_origin_only() {
        let demo = origin("http://127.0.0.1:40123/0123456789abcdef/unplug");
        let policy = page("", demo.as_deref());
        assert!(
            policy.contains("connect-src 'self' http://127.0.0.1:40123;"),
            "{policy}"
        );
    }

    #[test]
    fn pictures_may_be_shown_by_the_other_cameras_and_nothing_else_by_anybody() {
        let kind = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(text));
            MediaKind::of(&headers)
        };
        for picture in ["image/jpeg", "multipart/x-mixed-replace;boundary=x"] {
            assert_eq!(cross_origin_resource(kind(picture)), "cross-origin");
        }
        for other in [
            "application/json",
            "text/html; charset=utf-8",
            "image/svg+xml",
        ] {
            assert_eq!(cross_origin_resource(kind(other)), "same-origin");
        }
        assert_eq!(MediaKind::of(&HeaderMap::new()), MediaKind::Other);
    }
}
