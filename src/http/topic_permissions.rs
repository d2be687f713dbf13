//! Which routing keys of topic exchanges users may use.

use serde_json::{Value, json};

use super::answer::{Answer, Stored};
use super::call::{Call, parse_name};
use super::error::ApiError;
use super::fields;
use super::permissions::{existing_user, unknown_user_is_bad};
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::ExchangeName;
use crate::store::TopicPermission;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/topic-permissions", Needs::Administrator, "All topic permissions", Plain(list)),
    Route::get(
        "/topic-permissions/{vhost}/{user}",
        Needs::Administrator,
        "Topic permissions of a user in a virtual host",
        Now(of_both),
    ),
    Route::put(
        "/topic-permissions/{vhost}/{user}",
        Needs::Administrator,
        "Set which routing keys of an exchange a user may use",
        Now(put),
    ),
    Route::delete(
        "/topic-permissions/{vhost}/{user}",
        Needs::Administrator,
        "Take all topic permissions of a user in a virtual host away",
        Now(delete),
    ),
    Route::get(
        "/topic-permissions/{vhost}/{user}/{exchange}",
        Needs::Administrator,
        "Topic permissions of a user on one exchange",
        Now(of_exchange),
    ),
    Route::delete(
        "/topic-permissions/{vhost}/{user}/{exchange}",
        Needs::Administrator,
        "Take a topic permission away",
        Now(delete_one),
    ),
    Route::get(
        "/vhosts/{vhost}/topic-permissions",
        Needs::Administrator,
        "Topic permissions in a virtual host",
        Now(of_vhost),
    ),
    Route::get(
        "/users/{user}/topic-permissions",
        Needs::Administrator,
        "Topic permissions of a user",
        Now(of_user),
    ),
];

/// RabbitMQ's name of the default exchange where a name is needed.
const DEFAULT_EXCHANGE: &str = "amq.default";

fn describe(permission: &TopicPermission) -> Value {
    json!({
        "user": permission.user.as_str(),
        "vhost": permission.vhost.as_str(),
        "exchange": permission.exchange.as_str(),
        "write": permission.write,
        "read": permission.read,
    })
}

fn those(call: &Call, wanted: impl Fn(&TopicPermission) -> bool) -> Vec<Value> {
    call.broker().accounts(|accounts| {
        let all = accounts.records().topic_permissions.values();
        all.filter(|permission| wanted(permission)).map(describe).collect()
    })
}

fn list(call: &Call) -> Answer {
    Answer::list(those(call, |_| true))
}

fn of_vhost(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.vhost()?;
    Ok(Answer::list(those(call, |permission| permission.vhost == *vhost.name())))
}

fn of_user(call: &Call) -> Result<Answer, ApiError> {
    let user = existing_user(call)?;
    Ok(Answer::list(those(call, |permission| permission.user == user)))
}

/// Clients take 404 for none.
fn found(list: Vec<Value>) -> Result<Answer, ApiError> {
    if list.is_empty() { Err(ApiError::not_found()) } else { Ok(Answer::list(list)) }
}

fn of_both(call: &Call) -> Result<Answer, ApiError> {
    let (vhost, user) = (call.vhost()?, existing_user(call)?);
    found(those(call, |permission| permission.vhost == *vhost.name() && permission.user == user))
}

fn of_exchange(call: &Call) -> Result<Answer, ApiError> {
    let (vhost, user) = (call.vhost()?, existing_user(call)?);
    let exchange = exchange(call.segment("exchange"))?;
    found(those(call, |permission| {
        permission.vhost == *vhost.name()
            && permission.user == user
            && permission.exchange == exchange
    }))
}

fn exchange(text: &str) -> Result<ExchangeName, ApiError> {
    parse_name("exchange", if text == DEFAULT_EXCHANGE { "" } else { text })
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.vhost()?.name().clone();
    let body = call.object()?;
    let permission = TopicPermission {
        user: call.name("user")?,
        vhost,
        exchange: exchange(&fields::required_text(&body, "exchange")?)?,
        write: fields::required_text(&body, "write")?,
        read: fields::required_text(&body, "read")?,
    };
    let (done, stored) = Stored::pair();
    let put = call
        .broker()
        .put_topic_permission(&call.actor(), permission, done)
        .map_err(unknown_user_is_bad)?;
    Ok(Answer::put(put).once(stored))
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    delete_those(call, None)
}

fn delete_one(call: &Call) -> Result<Answer, ApiError> {
    let exchange = exchange(call.segment("exchange"))?;
    delete_those(call, Some(&exchange))
}

fn delete_those(call: &Call, exchange: Option<&ExchangeName>) -> Result<Answer, ApiError> {
    let (vhost, user) = (call.vhost()?, existing_user(call)?);
    let (done, stored) = Stored::pair();
    let were_there = call.broker().delete_topic_permissions(
        &call.actor(),
        &user,
        vhost.name(),
        exchange,
        done,
    )?;
    if were_there { Ok(Answer::no_content().once(stored)) } else { Err(ApiError::not_found()) }
}
