//! Open connections, and their end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::model::{ConnectionModel, Details, OctetDetails};
use super::queue_samples::per_second;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use crate::base::limits::{CONNECTION_LOOKS_MAX, DESCRIBE_TIMEOUT_MS};
use crate::base::{ConnectionId, Millis};
use crate::broker::{ConnectionInfo, ConnectionReport};

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
        self.caller.is_monitoring() || one.user == self.caller.name
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
        Ok(Answer::list(described(&call, connections).await))
    })
}

fn one(call: Call) -> Answering {
    Box::pin(async move {
        let connection = call.connection()?;
        let mut all = described(&call, vec![connection]).await;
        all.pop().map(Answer::object).ok_or_else(ApiError::not_found)
    })
}

fn of_user(call: Call) -> Answering {
    Box::pin(async move {
        let mut connections = call.visible_connections()?;
        connections.retain(|one| one.user.as_str() == call.segment("user"));
        Ok(Answer::list(described(&call, connections).await))
    })
}

async fn described(call: &Call, connections: Vec<Arc<ConnectionInfo>>) -> Vec<Value> {
    let all = call.ask(connections).await;
    all.iter().map(|(info, report)| describe(call, info, report.as_ref())).collect()
}

fn describe(call: &Call, info: &ConnectionInfo, report: Option<&ConnectionReport>) -> Value {
    let mut model = ConnectionModel::new(&call.management.facts.node, info);
    if let Some(report) = report {
        let now = call.broker().clock().now();
        model.state = Some(report.state);
        model.channels = Some(report.channels.len());
        model.octets = Some(call.management.connection_looks.look(now, info.id, report));
    }
    // Field names are text and numbers are finite.
    serde_json::to_value(model).unwrap_or_default()
}

fn close(call: &Call) -> Result<Answer, ApiError> {
    let connection = call.connection()?;
    if !may_close(call, &connection) {
        return Err(not_own());
    }
    call.broker().close_connections_of(|one| one.id == connection.id, &reason(call));
    Ok(Answer::no_content())
}

fn close_of_user(call: &Call) -> Result<Answer, ApiError> {
    let user = call.segment("user");
    if user != call.caller.name.as_str() && !call.caller.is_administrator() {
        return Err(not_own());
    }
    call.broker().close_connections_of(|one| one.user.as_str() == user, &reason(call));
    Ok(Answer::no_content())
}

fn may_close(call: &Call, connection: &ConnectionInfo) -> bool {
    call.caller.is_administrator() || connection.user == call.caller.name
}

/// What the client is told.
fn reason(call: &Call) -> String {
    let given = call.headers.get("x-reason").map(HeaderValue::as_bytes);
    given.map_or_else(|| CLOSED.to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What connections had moved when somebody looked, for how fast they do. A leaf lock. Bounded by
/// [`CONNECTION_LOOKS_MAX`]: connections behind that are shown without a rate.
#[derive(Default)]
pub(super) struct Looks(Mutex<BTreeMap<ConnectionId, Look>>);

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Millis,
    received: u64,
    sent: u64,
    rates: (Details, Details),
}

/// Looks that are nearer together than this, in ms, give the rates of the one before.
const LOOK_MS_MIN: u64 = 1_000;

/// A look that is older than this, in ms, says nothing of now, and is forgotten where there are many.
const LOOK_MS_MAX: u64 = 60_000;

impl Looks {
    fn look(&self, now: Millis, id: ConnectionId, report: &ConnectionReport) -> OctetDetails {
        let (received, sent) = (report.counts.received_bytes, report.counts.sent_bytes);
        // One operation of a map each time.
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= CONNECTION_LOOKS_MAX {
            looks.retain(|_, look| now.since(look.at) <= LOOK_MS_MAX);
        }
        let before = looks.get(&id).copied();
        let before = before.filter(|look| now.since(look.at) <= LOOK_MS_MAX);
        let mut look = Look { at: now, received, sent, rates: Default::default() };
        if let Some(before) = before {
            let elapsed = now.since(before.at);
            if elapsed < LOOK_MS_MIN {
                look = before;
            } else {
                let rate = |now: u64, before: u64| Details {
                    rate: per_second(now.saturating_sub(before), elapsed),
                };
                look.rates = (rate(received, before.received), rate(sent, before.sent));
            }
        }
        if looks.len() < CONNECTION_LOOKS_MAX || looks.contains_key(&id) {
            looks.insert(id, look);
        }
        let (recv_oct_details, send_oct_details) = look.rates;
        OctetDetails { recv_oct: received, recv_oct_details, send_oct: sent, send_oct_details }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::ConnectionCounts;

    fn rate(looks: &Looks, at: u64, id: u64, received: u64) -> f64 {
        let counts = ConnectionCounts { received_bytes: received, ..ConnectionCounts::default() };
        let report = ConnectionReport { counts, ..ConnectionReport::default() };
        looks.look(Millis(at), ConnectionId(id), &report).recv_oct_details.rate
    }

    #[test]
    fn a_rate_is_what_lies_between_two_looks_that_are_not_too_near() {
        let looks = Looks::default();
        assert!(rate(&looks, 0, 1, 100).abs() < f64::EPSILON, "the first look");
        assert!((rate(&looks, 2_000, 1, 300) - 100.0).abs() < f64::EPSILON);
        assert!((rate(&looks, 2_500, 1, 9_300) - 100.0).abs() < f64::EPSILON, "too near");
        assert!((rate(&looks, 12_000, 1, 1_300) - 100.0).abs() < f64::EPSILON);
        assert!(rate(&looks, 80_000, 1, 9_999).abs() < f64::EPSILON, "too long ago");
    }

    #[test]
    fn as_many_looks_are_kept_as_may_be_and_old_ones_make_room() {
        let looks = Looks::default();
        for id in 0..=CONNECTION_LOOKS_MAX as u64 {
            rate(&looks, 0, id, 0);
        }
        let behind = CONNECTION_LOOKS_MAX as u64;
        assert!(rate(&looks, 2_000, behind, 100).abs() < f64::EPSILON, "no room");
        rate(&looks, 70_000, behind, 100);
        assert!((rate(&looks, 71_000, behind, 150) - 50.0).abs() < f64::EPSILON);
    }
}
