//! The way to a broker, as far as it is needed here.

use std::fmt::Display;
use std::future::Future;

use serde_json::Value;

use super::look::Look;
use super::query::{Asked, Named, Query};

/// Asks the management API.
pub(in crate::ctl) trait Source {
    /// Shown on one line.
    type Error: Display;

    /// One document.
    fn get(&mut self, asked: &Asked) -> impl Future<Output = Result<Value, Self::Error>>;
}

/// Everything that one screen shows. A page that is not there any more is asked for as the first one.
pub(super) async fn look<S: Source>(source: &mut S, query: &Query) -> Result<Look, S::Error> {
    let overview = source.get(&Asked::overview()).await?;
    // Who may not look at the node sees the rest.
    let nodes = source.get(&Asked::nodes()).await.unwrap_or_default();
    let list = match source.get(&query.asked()).await {
        Err(error) if query.page > 1 && error.to_string().contains(OUT_OF_RANGE) => {
            source.get(&Query { page: 1, ..query.clone() }.asked()).await?
        }
        answered => answered?,
    };
    Ok(Look::of(query.view, &overview, &nodes, &list))
}

/// Why something does not move.
pub(super) async fn explain<S: Source>(source: &mut S, named: &Named) -> Result<Value, S::Error> {
    source.get(&named.explained()).await
}

/// How the API begins its reason, as RabbitMQ's does.
const OUT_OF_RANGE: &str = "page_out_of_range";
