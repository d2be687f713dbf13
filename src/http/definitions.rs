//! Definitions of the whole broker and of one virtual host, as documents: read, compared, imported.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::multipart::{self, Part};
use super::overview::cluster_name_of;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use crate::base::VhostName;
use crate::definitions::{self, DefinitionsError, ImportOptions, Origin, Report};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/definitions", Needs::Administrator, "Everything that is defined", Now(export_all)),
    Route::post(
        "/definitions",
        Needs::Administrator,
        "Import definitions; dry_run=true says what it would change, prune=true deletes the rest",
        Later(import_all),
    ),
    Route::get(
        "/definitions/{vhost}",
        Needs::Administrator,
        "What is defined in a virtual host",
        Now(export_vhost),
    ),
    Route::post(
        "/definitions/{vhost}",
        Needs::Administrator,
        "Import definitions into a virtual host",
        Later(import_vhost),
    ),
    Route::get(
        "/all-configuration",
        Needs::Administrator,
        "The old name of /definitions",
        Now(export_all),
    ),
    Route::post(
        "/all-configuration",
        Needs::Administrator,
        "The old name of /definitions",
        Later(import_all),
    ),
];

fn export_all(call: &Call) -> Result<Answer, ApiError> {
    export(call, None)
}

fn export_vhost(call: &Call) -> Result<Answer, ApiError> {
    let name: VhostName = call.name("vhost")?;
    export(call, Some(&name))
}

fn export(call: &Call, vhost: Option<&VhostName>) -> Result<Answer, ApiError> {
    let facts = &call.management.facts;
    let origin = Origin {
        product: facts.product.clone(),
        version: facts.rabbitmq_version.clone(),
        cluster_name: cluster_name_of(call),
    };
    // rabbitmq: a virtual host that is not there is a bad request here, and not found when it is imported into.
    let document = definitions::export(call.broker(), vhost, &origin)
        .ok_or_else(|| ApiError::bad_request("vhost_not_found"))?;
    let answer = Answer::object(document);
    match call.query.get("download").filter(|name| !name.is_empty()) {
        Some(name) => Ok(answer.with(header::CONTENT_DISPOSITION, attachment(name)?)),
        None => Ok(answer),
    }
}

/// What makes a browser save a document under this name. As RabbitMQ's since 4.0 it must be a token of HTTP, which
/// needs no quotes.
fn attachment(name: &str) -> Result<HeaderValue, ApiError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let header = format!("attachment; filename={name}");
    let value = HeaderValue::from_str(&header).ok().filter(|_| name.bytes().all(is_token));
    value.ok_or_else(|| {
        ApiError::bad_request(format!(
            "download: '{name}' is no name for a file: letters, digits, dots, dashes are expected"
        ))
    })
}

fn import_all(call: Call) -> Answering {
    Box::pin(import(call, None))
}

fn import_vhost(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.vhost()?.name().clone();
        import(call, Some(vhost)).await
    })
}

async fn import(call: Call, vhost: Option<VhostName>) -> Result<Answer, ApiError> {
    let Upload { document, redirect } = Upload::of(&call)?;
    let (dry_run, prune) = (call.query.is_true("dry_run"), call.query.is_true("prune"));
    let options = ImportOptions { vhost, dry_run, prune, by: call.actor() };
    let turn = Arc::clone(&call.management.importing).acquire_owned().await;
    let broker = Arc::clone(call.broker());
    // It waits for the disk, and goes on to its end when the client does not wait any more.
    let imported = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        definitions::import(&broker, &document, &options)
    });
    let report = imported.await.map_err(|error| {
        tracing::error!(error = %error, "an import of definitions broke an invariant");
        let (status, reason) = (StatusCode::INTERNAL_SERVER_ERROR, "see the log of the broker");
        ApiError::new(status, "internal_server_error", reason)
    })??;
    if dry_run {
        return Ok(Answer::object(report.plan.to_json()));
    }
    say(&call, &report);
    match redirect {
        Some(place) => Ok(Answer::see_other(place)),
        None => Ok(Answer::no_content()),
    }
}

/// What only the log can tell: the answer has no body, as RabbitMQ's.
fn say(call: &Call, report: &Report) {
    let user = call.caller.name().as_str();
    for warning in &report.plan.warnings {
        tracing::warn!(user, "imported definitions: {warning}");
    }
    for problem in &report.problems {
        tracing::warn!(
            user,
            "imported definitions: not done, because of a change meanwhile: {problem}"
        );
    }
}

/// A document, and where a browser goes when it is imported.
struct Upload {
    document: Bytes,
    redirect: Option<HeaderValue>,
}

impl Upload {
    /// The body, or the field `file` of the form that is the body.
    fn of(call: &Call) -> Result<Self, ApiError> {
        let media_type = call.headers.get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(boundary) = multipart::boundary(media_type) else {
            return Ok(Self { document: document(call.body.clone()), redirect: None });
        };
        let bad = |error: multipart::MultipartError| ApiError::bad_request(error.to_string());
        let parts = multipart::parts(&call.body, boundary.map_err(bad)?).map_err(bad)?;
        let part = |name| parts.iter().find(|part: &&Part<'_>| part.name == name);
        let file = part("file").ok_or_else(|| {
            ApiError::bad_request("the form has no field 'file', which must hold the definitions")
        })?;
        let redirect = part("redirect").map(|part| redirect(part.content)).transpose()?;
        Ok(Self { document: document(call.body.slice_ref(file.content)), redirect })
    }
}

/// Without the mark that some editors put before UTF-8; nothing is a document of nothing.
fn document(bytes: Bytes) -> Bytes {
    let marked = bytes.starts_with("\u{feff}".as_bytes());
    let bytes = if marked { bytes.slice("\u{feff}".len()..) } else { bytes };
    let is_blank = bytes.iter().all(u8::is_ascii_whitespace);
    if is_blank { Bytes::from_static(b"{}") } else { bytes }
}

/// A place of this site: a form of another one must not send anybody elsewhere.
fn redirect(place: &[u8]) -> Result<HeaderValue, ApiError> {
    let is_here = place.starts_with(b"#")
        || place.starts_with(b"../")
        || (place.starts_with(b"/") && !matches!(place.get(1), Some(b'/' | b'\\')));
    let value = HeaderValue::from_bytes(place).ok().filter(|_| is_here);
    value.ok_or_else(|| ApiError::bad_request("redirect must be a path of this site"))
}

impl From<DefinitionsError> for ApiError {
    fn from(error: DefinitionsError) -> Self {
        match error {
            DefinitionsError::Store(error) => error.into(),
            DefinitionsError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", error.to_string())
            }
            DefinitionsError::NotJson(_)
            | DefinitionsError::Fault(_)
            | DefinitionsError::Vhost(_) => Self::bad_request(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_places_of_this_site_only() {
        for here in ["../#/import-succeeded", "#/", "/", "/ui/#/"] {
            assert!(redirect(here.as_bytes()).is_ok(), "{here}");
        }
        for elsewhere in ["https://a", "//a", "/\\a", "a", "", "/\r\nx: y"] {
            assert!(redirect(elsewhere.as_bytes()).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_file_is_saved_under_names_that_need_no_quotes() {
        assert!(attachment("rabbit_box-1.json").is_ok());
        for wrong in ["a b", "a\"b", "a\r\nb", "订", "a;b", "../a/b"] {
            assert!(attachment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mark_of_utf_8_is_no_part_of_a_document_and_nothing_is_an_empty_one() {
        assert_eq!(document(Bytes::from_static("\u{feff}{ }".as_bytes())), "{ }");
        assert_eq!(document(Bytes::from_static(b" \r\n")), "{}");
    }
}
