//! What the requests have in common: whose queue, which messages, how many.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::broker::{Cell, Filter, HeaderFilter, Vhost};
use crate::http::call::Call;
use crate::http::direct::of_messages;
use crate::http::error::ApiError;
use crate::http::fields;

/// The queue of the path, when the caller may read its messages.
///
/// # Errors
/// 404, and 401 when it may not.
pub(super) fn readable_queue(call: &Call) -> Result<(Arc<Vhost>, Arc<Cell>), ApiError> {
    let vhost = call.own_vhost()?;
    let queue = call.queue(&vhost)?;
    vhost.permit_look(&call.behalf(), &queue.info().name).map_err(of_messages)?;
    Ok((vhost, queue))
}

/// A number of the query.
///
/// # Errors
/// 400 for what is none, or larger than it may be.
pub(super) fn number(call: &Call, name: &str, most: u64) -> Result<Option<u64>, ApiError> {
    let Some(text) = call.query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &u64| *number <= most);
    let refusal = || ApiError::bad_request(format!("'{name}' must be a number from 0 to {most}"));
    number.map(Some).ok_or_else(refusal)
}

/// A number of the query that counts something, never more than `most`.
///
/// # Errors
/// 400.
pub(super) fn count(
    call: &Call,
    name: &str,
    default: usize,
    most: usize,
) -> Result<usize, ApiError> {
    let number = number(call, name, most as u64)?.and_then(|number| usize::try_from(number).ok());
    Ok(number.unwrap_or(default))
}

/// The filter of a query.
pub(super) fn filter_of_query(call: &Call) -> Filter {
    let text = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    Filter {
        header: text("header").map(HeaderFilter::parse),
        routing_key: text("routing_key").map(|key| key.as_bytes().to_vec()),
        text: text("text").map(|text| text.as_bytes().to_vec()),
    }
}

/// The filter of a body.
///
/// # Errors
/// 400.
pub(super) fn filter_of_body(body: &Map<String, Value>) -> Result<Filter, ApiError> {
    let text = |name: &str| Ok::<_, ApiError>(fields::text(body, name)?.filter(|t| !t.is_empty()));
    Ok(Filter {
        header: text("header")?.map(|header| HeaderFilter::parse(&header)),
        routing_key: text("routing_key")?.map(String::into_bytes),
        text: text("text")?.map(String::into_bytes),
    })
}
