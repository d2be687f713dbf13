//! Virtual hosts for one test each.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use serde_json::json;

use super::body::Body;
use super::waiting::waiting;
use crate::base::{UserName, VhostName, amqp_uri, amqps_uri};
use crate::broker::{PassingVhostError, Rights};
use crate::http::answer::Answer;
use crate::http::call::{Call, parse_name};
use crate::http::error::ApiError;
use crate::http::route::Run::Later;
use crate::http::route::{Answering, Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/haremq/test/vhosts",
        Needs::Administrator,
        "Make a virtual host for one test, with a user of its own; with `--test-api` only",
        Later(make),
    ),
    Route::delete(
        "/haremq/test/vhosts/{vhost}",
        Needs::Administrator,
        "Delete a virtual host with its connections and the user made with it; with `--test-api` only",
        Later(delete),
    ),
];

fn make(call: Call) -> Answering {
    Box::pin(async move {
        let body = Body::new(call.object()?);
        body.refuse_others(&["name", "user"])?;
        let name = body.text("name")?;
        let name: Option<VhostName> = name.map(|name| parse_name("name", &name)).transpose()?;
        let user = body.text("user")?;
        let user: Option<UserName> = user.map(|user| parse_name("user", &user)).transpose()?;
        let (broker, by) = (Arc::clone(call.broker()), call.actor());
        let caller = matches!(call.caller.identity.rights, Rights::OfUser)
            .then(|| call.caller.name().clone());
        let made = waiting(move || {
            let made = broker.make_passing_vhost(&by, name, user)?;
            if let Some(caller) = caller {
                // A caller who is no user of the broker, as over the socket file, needs no permissions.
                let known = broker.accounts(|all| all.directory().user(&caller).is_some());
                if known {
                    broker.let_into(&by, caller, made.name.clone())?;
                }
            }
            Ok(made)
        });
        let made = made.await?;
        let (user, password) = (made.user.as_str(), made.password.as_str());
        let mut answer = Answer::object(json!({
            "vhost": made.name.as_str(),
            "user": user,
            "password": password,
            "amqp_uri": uri(&call, user, password, made.name.as_str()),
        }));
        answer.status = StatusCode::CREATED;
        Ok(answer)
    })
}

/// Where AMQP is spoken, as the caller reaches it: on the host that it asked, with TLS where nothing else is.
fn uri(call: &Call, user: &str, password: &str, vhost: &str) -> Option<String> {
    let facts = &call.management.facts;
    let plain =
        facts.amqp.first().map(|address| amqp_uri(user, password, &place(call, address), vhost));
    let tls = facts.amqp_tls.first();
    plain.or_else(|| tls.map(|address| amqps_uri(user, password, &place(call, address), vhost)))
}

fn place(call: &Call, address: &SocketAddr) -> String {
    let host = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
    let host = host.map_or_else(|| "127.0.0.1".to_owned(), |host| host.host().to_owned());
    format!("{host}:{}", address.port())
}

fn delete(call: Call) -> Answering {
    Box::pin(async move {
        let name: VhostName = call.name("vhost")?;
        let (management, by) = (Arc::clone(&call.management), call.actor());
        waiting(move || {
            management.broker.delete_passing_vhost(&by, &name)?;
            management.snapshots.forget_vhost(&name);
            Ok(())
        })
        .await?;
        Ok(Answer::no_content())
    })
}

impl From<PassingVhostError> for ApiError {
    fn from(error: PassingVhostError) -> Self {
        match error {
            PassingVhostError::Vhost(error) => error.into(),
            PassingVhostError::Account(error) => error.into(),
            PassingVhostError::Store(error) => error.into(),
            PassingVhostError::Exists { .. }
            | PassingVhostError::Password(_)
            | PassingVhostError::Name(_) => Self::bad_request(error.to_string()),
            PassingVhostError::Random(_) | PassingVhostError::Ended => {
                Self::unavailable(error.to_string())
            }
        }
    }
}
