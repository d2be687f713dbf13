//! What is answered on the port of the metrics: the pages, and checks for probes. Nobody logs in here, as with
//! RabbitMQ, and nothing is changed.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::super::management::Management;
use super::super::query::Query;
use super::collect::{Page, Scrape};
use super::parts;
use crate::base::limits::SCRAPE_NICENESS;

/// The media type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The router of the port.
pub(in crate::http) fn router(management: Arc<Management>) -> Router {
    let path = management.metrics.path.trim_end_matches('/').to_owned();
    let page = |below: &str| match format!("{path}{below}") {
        page if page.is_empty() => "/".to_owned(),
        page => page,
    };
    Router::new()
        .route(&page(""), get(metrics))
        .route(&page("/per-object"), get(per_object))
        .route(&page("/detailed"), get(detailed))
        .route(&page("/memory-breakdown"), get(memory))
        .route("/healthz", get(alive))
        .route("/healthz/ready", get(ready))
        .route("/healthz/alarms", get(alarms))
        .fallback(|| async { text(StatusCode::NOT_FOUND, "no such page\n") })
        .with_state(management)
}

async fn metrics(State(management): State<Arc<Management>>) -> Response {
    let page = if management.metrics.per_object { Page::PerObject } else { Page::Aggregated };
    scrape(management, move |scrape| scrape.everything(page)).await
}

async fn per_object(State(management): State<Arc<Management>>) -> Response {
    scrape(management, |scrape| scrape.everything(Page::PerObject)).await
}

async fn detailed(State(management): State<Arc<Management>>, request: Request) -> Response {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    scrape(management, move |scrape| {
        let families: Vec<&str> = query.all("family").collect();
        let vhosts: Vec<&str> = query.all("vhost").collect();
        scrape.chosen(&families, &vhosts);
    })
    .await
}

async fn memory(State(management): State<Arc<Management>>) -> Response {
    scrape(management, Scrape::memory).await
}

/// Reads numbers on a thread of its own, one scrape at a time, and behind everything else that wants the processor: who
/// scrapes, however much and how often, takes little from the messages. The page is sent as it is written.
async fn scrape(
    management: Arc<Management>,
    read: impl FnOnce(&mut Scrape) + Send + 'static,
) -> Response {
    let turn = Arc::clone(&management.scraping).acquire_owned().await;
    let (parts, pieces) = parts::page();
    let writer = std::thread::Builder::new().name("scrape".to_owned()).spawn(move || {
        let _turn = turn;
        step_back();
        let mut scrape = Scrape::new(management, parts);
        read(&mut scrape);
        scrape.finish();
    });
    match writer {
        // It ends with its page, or when nobody takes it.
        Ok(_) => respond(StatusCode::OK, TEXT, Body::new(pieces)),
        Err(error) => {
            tracing::error!(error = %error, "the system gives no thread for a scrape of the metrics");
            text(StatusCode::SERVICE_UNAVAILABLE, "no thread for a scrape; try again later\n")
        }
    }
}

/// Lets the calling thread be the last that gets the processor. It cannot come back from that, so it is not one of a pool.
#[cfg(target_os = "linux")]
fn step_back() {
    // On Linux this is a thread's own number. Where it is refused a scrape is only less polite.
    let _ = rustix::process::setpriority_process(None, SCRAPE_NICENESS);
}

/// Elsewhere it would be the whole process.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

/// The process answers.
async fn alive() -> Response {
    checked(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Clients are served: no more is to be waited for after the start, because this port is opened with the others.
async fn ready(State(management): State<Arc<Management>>) -> Response {
    let connections = management.broker.connections();
    checked(StatusCode::OK, &json!({ "status": "ok", "connections": connections }))
}

/// No alarm holds publishers back.
async fn alarms(State(management): State<Arc<Management>>) -> Response {
    let state = management.broker.alarm_state();
    let on = [("memory", state.memory), ("disk", state.disk)].into_iter();
    let on: Vec<&str> = on.filter(|(_, on)| *on).map(|(name, _)| name).collect();
    if on.is_empty() {
        return checked(StatusCode::OK, &json!({ "status": "ok" }));
    }
    checked(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "failed", "alarms": on }))
}

fn checked(status: StatusCode, body: &Value) -> Response {
    respond(status, "application/json", Body::from(format!("{body}\n")))
}

fn text(status: StatusCode, text: &'static str) -> Response {
    respond(status, TEXT, Body::from(text))
}

fn respond(status: StatusCode, media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
