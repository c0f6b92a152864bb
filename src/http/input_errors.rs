//! What cannot be read (a body, a query, a path) and what no route takes: problems like any other,
//! where actix-web alone would answer with one line of text, or with nothing.

use actix_web::Error;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::JsonPayloadError;
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{JsonConfig, PathConfig, QueryConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};

use super::Problem;

/// The longest JSON body that is read, in bytes: commands are short.
const LONGEST_BODY: usize = 16 * 1024;

/// How JSON bodies are read: up to [`LONGEST_BODY`], with errors as problems.
pub fn json() -> JsonConfig {
    JsonConfig::default()
        .limit(LONGEST_BODY)
        .error_handler(|error, _| body_problem(&error).into())
}

/// 400 for what is no JSON, 415 for what does not say that it is, 422 for JSON that means nothing
/// here.
fn body_problem(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::ContentType => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is to be JSON, and Content-Type to say so: application/json",
        ),
        JsonPayloadError::Deserialize(error) if error.is_data() => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the body is not what is expected here: {error}"),
        ),
        JsonPayloadError::Deserialize(error) => Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the body is no JSON: {error}"),
        ),
        other => Problem::new(
            other.status_code(),
            format!("the body cannot be read: {other}"),
        ),
    }
}

/// How queries are read, with errors as problems.
pub fn query() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the query cannot be read: {error}"),
        )
        .into()
    })
}

/// How values in the path are read, with errors as problems.
pub fn path() -> PathConfig {
    PathConfig::default().error_handler(|error, request: &HttpRequest| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("{} cannot be read: {error}", request.path()),
        )
        .into()
    })
}

/// The middleware that makes a problem of an error without a body, and answers `OPTIONS`, which no
/// route does by itself, with the methods that there are (RFC 9110 §9.3.7).
pub async fn explain_errors<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let response = next.call(request).await?;
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    let empty = matches!(
        response.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    );
    if !(error && empty) {
        return Ok(response.map_into_left_body());
    }
    let (request, response) = response.into_parts();
    let allowed = response.headers().get(header::ALLOW).cloned();
    let mut answer = match (status, request.method(), &allowed) {
        (StatusCode::METHOD_NOT_ALLOWED, &Method::OPTIONS, Some(_)) => {
            HttpResponse::NoContent().finish()
        }
        _ => Problem::new(status, detail(status, &request, allowed.as_ref())).error_response(),
    };
    let given = response.headers().iter();
    for (name, value) in given.filter(|(name, _)| **name != header::CONTENT_LENGTH) {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(request, answer.map_into_right_body()))
}

fn detail(
    status: StatusCode,
    request: &HttpRequest,
    allowed: Option<&header::HeaderValue>,
) -> String {
    let allowed = allowed.and_then(|allowed| allowed.to_str().ok());
    match (status, allowed) {
        (StatusCode::METHOD_NOT_ALLOWED, Some(allowed)) => format!(
            "{} takes {allowed}, not {}",
            request.path(),
            request.method()
        ),
        _ => format!("{} {} was refused", request.method(), request.path()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::web::{self, Json, Path};
    use actix_web::{App, guard};
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use porthole_types::InstanceId;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Command {
        pan: i32,
    }

    /// Status, `Allow`, and the body as JSON.
    async fn ask(request: TestRequest) -> (u16, Option<String>, Value) {
        let read = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        let app = init_service(
            App::new()
                .app_data(json())
                .app_data(path())
                .service(
                    web::resource("/drive")
                        .route(read.to(HttpResponse::Ok))
                        .post(|command: Json<Command>| async move { command.pan.to_string() }),
                )
                .service(
                    web::resource("/cameras/{id}")
                        .get(|id: Path<InstanceId>| async move { id.to_string() }),
                )
                .wrap(from_fn(explain_errors)),
        )
        .await;
        let answer = call_service(&app, request.to_request()).await;
        let status = answer.status().as_u16();
        let header = |name| {
            let value: Option<&header::HeaderValue> = answer.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let allow = header(header::ALLOW);
        let problem = header(header::CONTENT_TYPE).as_deref() == Some("application/problem+json");
        let body = to_bytes(answer.into_body()).await.unwrap_or_default();
        let body = problem.then(|| serde_json::from_slice(&body).unwrap());
        (status, allow, body.unwrap_or_default())
    }

    fn post(body: &'static str) -> TestRequest {
        let json = ("Content-Type", "application/json");
        TestRequest::post()
            .uri("/drive")
            .insert_header(json)
            .set_payload(body)
    }

    fn detail_of(body: &Value) -> &str {
        body["detail"].as_str().unwrap()
    }

    #[actix_web::test]
    async fn a_method_that_a_path_lacks_is_told_which_it_has() {
        let (status, allow, body) = ask(TestRequest::delete().uri("/drive")).await;
        assert_eq!(status, 405);
        assert_eq!(allow.as_deref(), Some("GET, HEAD, POST"));
        assert_eq!(detail_of(&body), "/drive takes GET, HEAD, POST, not DELETE");
        let options = TestRequest::default().method(Method::OPTIONS).uri("/drive");
        let (status, allow, _) = ask(options).await;
        assert_eq!((status, allow.as_deref()), (204, Some("GET, HEAD, POST")));
    }

    #[actix_web::test]
    async fn a_body_that_cannot_be_read_is_told_why() {
        for (body, status, why) in [
            ("{\"pan\":", 400, "no JSON"),
            ("\0", 400, "no JSON"),
            ("{\"pan\":1} x", 400, "no JSON"),
            ("{\"pan\":1,\"zoom\":2}", 422, "zoom"),
            ("{\"pan\":99999999999}", 422, "99999999999"),
            ("{}", 422, "pan"),
        ] {
            let (told, _, problem) = ask(post(body)).await;
            assert_eq!(told, status, "{body} {problem}");
            assert!(detail_of(&problem).contains(why), "{body} {problem}");
        }
        let (status, _, problem) =
            ask(TestRequest::post().uri("/drive").set_payload("pan=1")).await;
        assert_eq!(status, 415, "{problem}");
        let long = "x".repeat(LONGEST_BODY + 1).leak();
        assert_eq!(ask(post(long)).await.0, 413);
    }

    #[actix_web::test]
    async fn a_value_in_the_path_that_cannot_be_is_named() {
        let (status, _, body) = ask(TestRequest::get().uri("/cameras/barn")).await;
        assert_eq!(status, 400);
        assert!(detail_of(&body).contains("\"barn\""), "{body}");
    }
}
