//! What every answer tells browsers not to allow, and what pages may load.
//!
//! The pages run their own scripts and nothing else, stand in nobody's frame, and send forms to
//! nobody but this camera. The one thing they need from elsewhere are the pictures of the other
//! cameras, in tiles that come and go while a page is open: what a page may load is fixed when it
//! is loaded, so it cannot name the cameras of later.
//!
//! `Referrer-Policy` is `same-origin` and not `no-referrer`: with the latter browsers send `Origin:
//! null` with forms, and this camera could not tell its own login form from another site's.

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

/// A page that shows pictures needs nothing of the visitor's machine but the whole screen.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), \
                           screen-wake-lock=(), serial=(), usb=(), fullscreen=(self)";

/// For whatever is no page. A browser that is led to a picture makes a page around it, with styles
/// of its own.
const NO_PAGE: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; \
                       base-uri 'none'";

/// How long browsers that came by TLS come by TLS only, in seconds: long enough to matter, short
/// enough to be waited for by who gives TLS up. It counts for the host with all its ports.
const HSTS: &str = "max-age=2592000";

/// The middleware. It stands outside of everything else, so that refusals and panics leave with the
/// same headers.
pub async fn protect<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    match next.call(request).await {
        Ok(mut answer) => {
            let kind = Kind::of(answer.headers());
            let policy = Policy::of(answer.request(), kind);
            policy.write(answer.headers_mut());
            Ok(answer)
        }
        Err(error) => {
            let mut answer = error.error_response();
            Policy::without_page().write(answer.headers_mut());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// What an answer is, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One of our pages.
    Page,
    /// A camera's picture or stream of pictures, which other cameras' pages show.
    Picture,
    /// Anything else.
    Other,
}

impl Kind {
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

/// What one answer says beyond [`ALWAYS`].
#[derive(Debug)]
struct Policy {
    content: String,
    resource: &'static str,
    transport: Option<&'static str>,
}

impl Policy {
    fn without_page() -> Self {
        Self {
            content: NO_PAGE.to_owned(),
            resource: "same-origin",
            transport: None,
        }
    }

    fn of(request: &HttpRequest, kind: Kind) -> Self {
        let Some(app) = request.app_data::<web::Data<App>>() else {
            return Self::without_page();
        };
        let settings = &app.shared.settings;
        let content = match kind {
            Kind::Page => {
                let visitor = client_network(request, app);
                let links = Links::new(&app.shared);
                let pictures = pictures_from(visitor, links.host());
                let demo = settings.debug.demo_control.as_deref();
                page(&pictures, demo.and_then(origin).as_deref())
            }
            Kind::Picture | Kind::Other => NO_PAGE.to_owned(),
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
            content,
            resource: resource(kind),
            transport: tls_for_all.then_some(HSTS),
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
            HeaderValue::from_static(self.resource),
        );
        // The host names in it passed the settings' check, or are the router's address.
        let content = HeaderValue::from_str(&self.content);
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            content.unwrap_or(HeaderValue::from_static(NO_PAGE)),
        );
        if let Some(transport) = self.transport {
            headers.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static(transport),
            );
        }
    }
}

/// Who may show an answer in a page of its own. Each camera is a site of its own to a browser: on
/// the LAN it has another address, and outside Chromium takes two ports of one IP address for two
/// sites here. So pictures are for all pages to show (not to read); who gets one at all is for the
/// login to say.
fn resource(kind: Kind) -> &'static str {
    match kind {
        Kind::Picture => "cross-origin",
        Kind::Page | Kind::Other => "same-origin",
    }
}

/// Where the other cameras' pictures come from. From outside from other ports of the same host. On
/// the LAN from addresses that may not be given yet, so only the schemes can be named there.
fn pictures_from(visitor: ClientNetwork, host: Option<&str>) -> String {
    match (visitor, host) {
        (ClientNetwork::Lan, _) => " http: https:".to_owned(),
        (ClientNetwork::Outside, Some(host)) => format!(" http://{host}:* https://{host}:*"),
        (ClientNetwork::Outside, None) => String::new(),
    }
}

/// The policy of a page (CSP Level 3).
fn page(pictures: &str, demo: Option<&str>) -> String {
    let demo = demo.map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{pictures}; connect-src 'self'{demo}; \
         font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
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
                .wrap(from_fn(protect)),
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
        let near = page(&pictures_from(ClientNetwork::Lan, host), None);
        assert!(near.contains("img-src 'self' http: https:;"), "{near}");
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
            Kind::of(&headers)
        };
        for picture in ["image/jpeg", "multipart/x-mixed-replace;boundary=x"] {
            assert_eq!(resource(kind(picture)), "cross-origin");
        }
        for other in [
            "application/json",
            "text/html; charset=utf-8",
            "image/svg+xml",
        ] {
            assert_eq!(resource(kind(other)), "same-origin");
        }
        assert_eq!(Kind::of(&HeaderMap::new()), Kind::Other);
    }
}
