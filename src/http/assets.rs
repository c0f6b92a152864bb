//! Styles, scripts and the logo under `/static`: from a folder by actix-files where one is
//! configured (`http.static_dir`), otherwise from inside the binary, so that it runs alone.
//!
//! Every answer carries an `ETag` and `Cache-Control: no-cache`: a browser keeps its copy but asks
//! whether it is still current. The address of the representative moves from server to server, and
//! those need not run the same version, so a copy must never be used without asking.

use std::fmt::Write as _;
use std::path::Path;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header::{self, EntityTag, Header as _, IfNoneMatch};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, guard, web};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Embedded;

/// What the paths of all assets begin with, up to a slash.
pub const PREFIX: &str = "/static";

/// The service for [`PREFIX`]; `static_dir` replaces the files in the binary.
pub fn service(static_dir: Option<&Path>) -> impl HttpServiceFactory + 'static {
    let scope = web::scope(PREFIX);
    let scope = match static_dir {
        Some(folder) => scope.service(actix_files::Files::new("", folder).prefer_utf8(true)),
        None => scope.service(
            web::resource("/{name:.*}").route(
                web::route()
                    .guard(guard::Any(guard::Get()).or(guard::Head()))
                    .to(embedded),
            ),
        ),
    };
    scope.wrap(DefaultHeaders::new().add((header::CACHE_CONTROL, "no-cache")))
}

async fn embedded(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let Some(file) = Embedded::get(&name) else {
        return HttpResponse::NotFound().finish();
    };
    let etag = EntityTag::new_strong(hex(&file.metadata.sha256_hash()[..8]));
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&etag)),
        Err(_) => false,
    };
    if known {
        return HttpResponse::NotModified()
            .insert_header(header::ETag(etag))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header(header::ETag(etag))
        .content_type(content_type(&name))
        .body(file.data.into_owned())
}

/// The media type by the file's ending; text is UTF-8 here without exception.
fn content_type(name: &str) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let media_type = actix_files::file_extension_to_mime(ending);
    if media_type.type_() == "text" {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::{App, test};

    use super::*;

    /// Status, `Content-Type`, `ETag` and body of a GET, after checking what every answer must
    /// carry.
    async fn get(folder: Option<&Path>, path: &str, etag: &str) -> (u16, String, String, Vec<u8>) {
        let app = test::init_service(App::new().service(service(folder))).await;
        let request = test::TestRequest::get()
            .uri(path)
            .insert_header((header::IF_NONE_MATCH, etag));
        let answer = test::call_service(&app, request.to_request()).await;
        let text = |name| {
            let value = answer.headers().get(name);
            value.map_or(String::new(), |v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(text(header::CACHE_CONTROL), "no-cache");
        let (kind, etag) = (text(header::CONTENT_TYPE), text(header::ETAG));
        let status = answer.status().as_u16();
        (status, kind, etag, test::read_body(answer).await.to_vec())
    }

    #[actix_web::test]
    async fn the_binary_and_the_folder_serve_the_same_files_with_the_same_types() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/static"));
        for (name, kind) in [
            ("porthole.css", "text/css; charset=utf-8"),
            // A module script is UTF-8 whatever its type says.
            ("fleet.js", "text/javascript"),
            ("porthole.svg", "image/svg+xml"),
        ] {
            let on_disk = std::fs::read(folder.join(name)).unwrap();
            for source in [None, Some(folder)] {
                let path = format!("/static/{name}");
                let (status, got_kind, etag, body) = get(source, &path, "\"none\"").await;
                assert_eq!(status, 200, "{name}");
                assert!(got_kind.starts_with(kind), "{name} is {got_kind}");
                assert_eq!(body, on_disk, "{name}");
                let (status, _, _, body) = get(source, &path, &etag).await;
                assert_eq!((status, body.len()), (304, 0), "{name} {etag}");
            }
        }
    }

    #[actix_web::test]
    async fn what_is_not_an_asset_is_not_found() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/static"));
        for path in [
            "/static/",
            "/static/none.css",
            "/static/../Cargo.toml",
            "/static/%2e%2e/Cargo.toml",
            "/static/..%2fCargo.toml",
        ] {
            for source in [None, Some(folder)] {
                let (status, _, _, body) = get(source, path, "\"none\"").await;
                assert!((400..500).contains(&status), "{path} answers {status}");
                let body = String::from_utf8_lossy(&body);
                assert!(!body.contains("[package]"), "{path} leaks the folder above");
            }
        }
    }

    #[actix_web::test]
    async fn assets_cannot_be_written() {
        let app = test::init_service(App::new().service(service(None))).await;
        let request = test::TestRequest::post().uri("/static/porthole.css");
        let answer = test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
