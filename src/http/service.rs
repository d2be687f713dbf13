//! From a request to an answer: the router, and what is the same for every resource.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::answer::{Answer, Content};
use super::authentication::{Caller, Origin, Wire, authenticate, look_around};
use super::call::Call;
use super::error::ApiError;
use super::management::Management;
use super::query::Query;
use super::route::{Method, Needs, Route, Run};
use super::{cors, pages, paging, routes, test_api};
use crate::base::limits::{HTTP_SILENCE_MS, HTTP_SMALL_BODY_BYTES};

type Segments = Result<RawPathParams, RawPathParamsRejection>;

/// The part of a path that is never logged.
const SECRET: &str = "{password}";

/// The router of all resources.
pub(super) fn router(management: Arc<Management>) -> Router {
    let prefix = format!("{}/api", management.settings.path_prefix);
    let mut router = Router::new();
    let mut methods: BTreeMap<&str, Vec<Method>> = BTreeMap::new();
    for route in routes::all() {
        methods.entry(route.path).or_default().push(route.method);
        let answer =
            move |State(management): State<Arc<Management>>,
                  segments: Segments,
                  request: Request| { answer(management, route, segments, request) };
        router =
            router.route(&format!("{prefix}{}", route.path), on(route.method.filter(), answer));
    }
    for (path, methods) in methods {
        let allowed = allowed(&methods);
        let answer = move |State(management): State<Arc<Management>>, headers: HeaderMap| async move {
            options(&management, &headers, &allowed)
        };
        router = router.route(&format!("{prefix}{path}"), on(MethodFilter::OPTIONS, answer));
    }
    pages::add(router, &management.settings.path_prefix)
        .fallback(|State(management): State<Arc<Management>>, request: Request| async move {
            let path = request.uri().path();
            refusal(&request, &test_api::refusal_when_off(&management.settings, path))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            refusal(&request, &ApiError::method_not_allowed())
        })
        .layer(axum::middleware::map_response_with_state(Arc::clone(&management), protect))
        .with_state(management)
}

/// What every answer tells browsers, a refusal too.
async fn protect(State(management): State<Arc<Management>>, mut response: Response) -> Response {
    let settings = &management.settings;
    let policies = [
        (header::CONTENT_SECURITY_POLICY, Some(&settings.csp_policy)),
        (header::STRICT_TRANSPORT_SECURITY, settings.hsts_policy.as_ref()),
    ];
    for (name, policy) in policies {
        let value = policy.and_then(|policy| HeaderValue::from_str(policy).ok());
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            response.headers_mut().entry(name).or_insert(value);
        }
    }
    response
}

/// The methods of a resource as a header says them.
fn allowed(methods: &[Method]) -> HeaderValue {
    let mut names = vec!["OPTIONS"];
    for method in methods {
        if *method == Method::Get {
            names.push("HEAD");
        }
        names.push(method.as_str());
    }
    HeaderValue::from_str(&names.join(", ")).expect("method names are visible ASCII")
}

fn options(management: &Management, headers: &HeaderMap, allowed: &HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::ALLOW, allowed.clone());
    add_common(&mut response);
    for (name, value) in cors::preflight_headers(&management.settings, headers, allowed) {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn answer(
    management: Arc<Management>,
    route: &'static Route,
    segments: Segments,
    request: Request,
) -> Response {
    let method = request.method().clone();
    let path = if route.path.contains(SECRET) { route.path } else { request.uri().path() };
    let path = path.to_owned();
    let cors = cors::headers(&management.settings, request.headers());
    let is_page = pages::are_asking(request.headers());
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let answered = run(&management, route, segments, request).await;
    let responded = match answered {
        // Sorting and writing a list may take long.
        Ok(answer) if matches!(answer.content, Content::List(_)) => {
            work(&management, move || respond(&query, answer)).await
        }
        Ok(answer) => respond(&query, answer),
        Err(error) => Err(error),
    };
    let mut response = responded.unwrap_or_else(|error| refuse(&error));
    for (name, value) in cors {
        response.headers_mut().insert(name, value);
    }
    if is_page {
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    // The query may hold what is nobody's business.
    tracing::debug!(%method, path, status = response.status().as_u16(), "management request");
    response
}

/// Asks who it is and whether they may, reads the body and calls the resource. In this order: nothing of a
/// stranger's body is read.
async fn run(
    management: &Arc<Management>,
    route: &'static Route,
    segments: Segments,
    request: Request,
) -> Result<Answer, ApiError> {
    let origin = request.extensions().get::<Origin>().copied();
    let Some(origin) = origin else {
        return Err(ApiError::unavailable("the listener did not say where the request comes from"));
    };
    let changes = route.method != Method::Get;
    if changes && cors::is_foreign(&management.settings, request.headers()) {
        let reason =
            "a page of another site may not change anything: set management.cors.allow_origins";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", reason));
    }
    let wire = request.extensions().get::<Wire>().copied().unwrap_or(Wire::Open);
    let caller = match route.needs {
        Needs::Nothing => Caller::nobody(),
        _ => authenticate(management, origin, request.headers(), changes).await?,
    };
    caller.check(route.needs)?;
    test_api::refuse_when_off(&management.settings, route.path)?;
    let segments = segments.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let segments = segments.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let segments: Vec<(String, String)> = segments.collect();
    let vhost = segments.iter().find(|(name, _)| name == "vhost").map(|(_, value)| &**value);
    look_around(management, &caller, vhost).await;
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let (parts, body) = request.into_parts();
    // Held until the answer is there: what is made of a large body is as large.
    let _room = match body_bytes(&parts.headers) {
        bytes if bytes <= HTTP_SMALL_BODY_BYTES => None,
        _ => management.large_bodies.acquire().await.ok(),
    };
    let bytes_max = usize::try_from(management.settings.body_bytes_max).unwrap_or(usize::MAX);
    let body = if route.method.has_body() { read(body, bytes_max).await? } else { Bytes::new() };
    let management = Arc::clone(management);
    let headers = parts.headers;
    let call = Call { management, caller, query, headers, segments, body, origin, wire };
    let working = Arc::clone(&call.management);
    let mut answer = match route.run {
        Run::Plain(run) => work(&working, move || Ok(run(&call))).await?,
        Run::Now(run) => work(&working, move || run(&call)).await?,
        Run::Later(run) => run(call).await?,
    };
    for stored in answer.take_stored() {
        stored.wait().await?;
    }
    Ok(answer)
}

/// Runs what may wait for a turn of a queue or take long where no connection of AMQP waits for it, a few at a time:
/// who asks for everything again and again takes no more than those from the messages.
async fn work<T: Send + 'static>(
    management: &Management,
    run: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let _turn = management.working.acquire().await;
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(error = %error, "a management request broke an invariant");
            let (status, reason) = (StatusCode::INTERNAL_SERVER_ERROR, "see the log of the broker");
            Err(ApiError::new(status, "internal_server_error", reason))
        }
    }
}

/// How long the body is said to be; one that does not say may be of any length.
fn body_bytes(headers: &HeaderMap) -> u64 {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return u64::MAX;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The whole body.
async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let silence = Duration::from_millis(HTTP_SILENCE_MS);
    let mut whole = BytesMut::new();
    loop {
        let next = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Ok(next) = tokio::time::timeout(silence, next).await else {
            let (status, reason) = (StatusCode::REQUEST_TIMEOUT, "the body did not go on in time");
            return Err(ApiError::new(status, "request_timeout", reason));
        };
        let frame = match next {
            None => return Ok(whole.freeze()),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                return Err(ApiError::bad_request(format!("the body cannot be read: {error}")));
            }
        };
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            let reason = format!("the body is longer than {bytes_max} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", reason));
        }
        whole.extend_from_slice(&data);
    }
}

fn respond(query: &Query, answer: Answer) -> Result<Response, ApiError> {
    let mut response = match answer.content {
        Content::Nothing => Response::new(Body::empty()),
        Content::Object(value) => json(&paging::columns(query, value)),
        Content::Arranged(value) => json(&value),
        Content::List(values) => json(&paging::list(query, values)?),
        Content::Other(media_type, bytes) => body(media_type, Body::from(bytes)),
        Content::Stream(media_type, stream) => body(media_type, stream),
    };
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        response.headers_mut().append(name, value);
    }
    add_common(&mut response);
    Ok(response)
}

fn refuse(error: &ApiError) -> Response {
    let mut response = match &error.body {
        Some(value) => json(value),
        None => Response::new(Body::empty()),
    };
    *response.status_mut() = error.status;
    if error.challenge {
        let realm = HeaderValue::from_static("Basic realm=\"RabbitMQ Management\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    }
    add_common(&mut response);
    response
}

/// As [`refuse`], for a request that reached no resource. Its path may hold anything, a password too.
fn refusal(request: &Request, error: &ApiError) -> Response {
    let status = error.status.as_u16();
    tracing::debug!(method = %request.method(), status, "management request of no resource");
    refuse(error)
}

fn json(value: &Value) -> Response {
    // `Display` of a JSON value is compact JSON and cannot fail.
    body("application/json", Body::from(value.to_string()))
}

fn body(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn add_common(response: &mut Response) {
    let headers = response.headers_mut();
    let set = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept, accept-encoding, origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in set {
        // A resource may have said something stricter.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
