//! Open connections, and their end.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::model::ConnectionModel;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use super::samples::{CHANNEL, CONNECTION, Ranges};
use crate::base::HolderId;
use crate::base::limits::DESCRIBE_TIMEOUT_MS;
use crate::broker::{ChannelCounts, ConnectionInfo, ConnectionReport};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/connections", Needs::Management, "Connections", Later(list)),
    Route::get(
        "/vhosts/{vhost}/connections",
        Needs::Management,
        "Connections of a virtual host",
        Later(list),
    ),
    Route::get("/connections/{connection}", Needs::Management, "A connection", Later(one)),
    Route::delete("/connections/{connection}", Needs::Management, "Close a connection", Now(close)),
    Route::get(
        "/connections/username/{user}",
        Needs::Management,
        "Connections of a user",
        Later(of_user),
    ),
    Route::delete(
        "/connections/username/{user}",
        Needs::Management,
        "Close the connections of a user",
        Now(close_of_user),
    ),
];

/// Said to a connection that is closed without a reason.
const CLOSED: &str = "Closed via management plugin";

/// A connection, and what it said of itself when it did so in time.
pub(super) type Told = (Arc<ConnectionInfo>, Option<ConnectionReport>);

impl Call {
    /// The connections that the caller may look at: its own, or all for whoever watches the broker. With a virtual
    /// host in the path, those in it.
    ///
    /// # Errors
    /// 404, and 401 when the caller may not look into the virtual host.
    pub(super) fn visible_connections(&self) -> Result<Vec<Arc<ConnectionInfo>>, ApiError> {
        let mut all = self.broker().open_connections();
        if self.segments.iter().any(|(name, _)| name == "vhost") {
            let vhost = self.visible_vhost()?;
            all.retain(|one| one.vhost == *vhost.name());
        }
        all.retain(|one| self.may_see_connection(one));
        Ok(all)
    }

    fn may_see_connection(&self, one: &ConnectionInfo) -> bool {
        self.caller.is_monitoring() || one.user == *self.caller.name()
    }

    /// The connection of the path (`{connection}`).
    ///
    /// # Errors
    /// 404, and 401 when it is another user's.
    pub(super) fn connection(&self) -> Result<Arc<ConnectionInfo>, ApiError> {
        let name = self.segment("connection");
        let found = self.broker().open_connections().into_iter().find(|one| one.name() == name);
        let one = found.ok_or_else(ApiError::not_found)?;
        if self.may_see_connection(&one) { Ok(one) } else { Err(not_own()) }
    }

    /// Asks connections about themselves and waits, not for long.
    pub(super) async fn ask(&self, connections: Vec<Arc<ConnectionInfo>>) -> Vec<Told> {
        let asked: Vec<_> = connections
            .into_iter()
            .map(|info| {
                let (tell, told) = oneshot::channel();
                // Who does not wait any more has hung up.
                self.broker().describe_connection(info.id, move |report| drop(tell.send(report)));
                (info, told)
            })
            .collect();
        let latest = Instant::now() + Duration::from_millis(DESCRIBE_TIMEOUT_MS);
        let mut all = Vec::with_capacity(asked.len());
        for (info, told) in asked {
            let report = timeout_at(latest, told).await.ok().and_then(Result::ok);
            all.push((info, report));
        }
        all
    }
}

fn not_own() -> ApiError {
    ApiError::not_authorised("User not authorised to access object")
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let connections = call.visible_connections()?;
        Ok(Answer::list(described(&call, connections).await?))
    })
}

fn one(call: Call) -> Answering {
    Box::pin(async move {
        let connection = call.connection()?;
        let mut all = described(&call, vec![connection]).await?;
        all.pop().map(Answer::object).ok_or_else(ApiError::not_found)
    })
}

fn of_user(call: Call) -> Answering {
    Box::pin(async move {
        let mut connections = call.visible_connections()?;
        connections.retain(|one| one.user.as_str() == call.segment("user"));
        Ok(Answer::list(described(&call, connections).await?))
    })
}

async fn described(
    call: &Call,
    connections: Vec<Arc<ConnectionInfo>>,
) -> Result<Vec<Value>, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let all = call.ask(connections).await;
    let mut values = Vec::with_capacity(all.len());
    for (info, report) in &all {
        values.push(describe(call, info, report.as_ref(), ranges));
    }
    Ok(values)
}

fn describe(
    call: &Call,
    info: &ConnectionInfo,
    report: Option<&ConnectionReport>,
    ranges: Ranges,
) -> Value {
    let mut model = ConnectionModel::new(&call.management.facts.node, info);
    if let Some(report) = report {
        let (at, samples) = (call.management.moment(), &call.management.samples);
        model.state = Some(report.state);
        model.channels = Some(report.channels.len());
        model.octets = samples.connections.look(at.now, [info.id].iter(), |series| {
            series.stats(CONNECTION, &report.counts, ranges.data_rates, at.unix_ms)
        });
        let mut counts = ChannelCounts::default();
        for channel in &report.channels {
            counts += channel.counts;
        }
        let holders: Vec<HolderId> = report.channels.iter().map(|one| one.holder).collect();
        model.message_stats = Some(samples.channels.look(at.now, holders.iter(), |series| {
            series.stats(CHANNEL, &counts, ranges.msg_rates, at.unix_ms)
        }));
    }
    if report.is_none() && call.broker().choked_connection(info.id).is_some() {
        model.state = Some("flow");
    }
    // Field names are text and numbers are finite.
    serde_json::to_value(model).unwrap_or_default()
}

fn close(call: &Call) -> Result<Answer, ApiError> {
    let connection = call.connection()?;
    if !may_close(call, &connection) {
        return Err(not_own());
    }
    let asked = connection.name();
    let this_one = |one: &ConnectionInfo| one.id == connection.id;
    call.broker().close_connections_by(&call.actor(), &asked, this_one, &reason(call));
    Ok(Answer::no_content())
}

fn close_of_user(call: &Call) -> Result<Answer, ApiError> {
    let user = call.segment("user");
    if user != call.caller.name().as_str() && !call.caller.is_administrator() {
        return Err(not_own());
    }
    let asked = format!("those of user {user}");
    let theirs = |one: &ConnectionInfo| one.user.as_str() == user;
    call.broker().close_connections_by(&call.actor(), &asked, theirs, &reason(call));
    Ok(Answer::no_content())
}

fn may_close(call: &Call, connection: &ConnectionInfo) -> bool {
    call.caller.is_administrator() || connection.user == *call.caller.name()
}

/// What the client is told.
fn reason(call: &Call) -> String {
    let given = call.headers.get("x-reason").map(HeaderValue::as_bytes);
    given.map_or_else(|| CLOSED.to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}
