//! Exchanges.

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Call, parse_name};
use super::direct::of_topology;
use super::error::ApiError;
use super::fields;
use super::model::ExchangeModel;
use super::queue_changes::arguments;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use super::samples::{EXCHANGE, Ranges};
use crate::broker::{DeclareExchange, Exchange, Put, Vhost};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/exchanges", Needs::Management, "Exchanges", Now(list)),
    Route::get("/exchanges/{vhost}", Needs::Management, "Exchanges of a virtual host", Now(list)),
    Route::get("/exchanges/{vhost}/{exchange}", Needs::Management, "An exchange", Now(one)),
    Route::put(
        "/exchanges/{vhost}/{exchange}",
        Needs::Management,
        "Declare an exchange",
        Later(put),
    ),
    Route::delete(
        "/exchanges/{vhost}/{exchange}",
        Needs::Management,
        "Delete an exchange",
        Later(delete),
    ),
];

fn list(call: &Call) -> Result<Answer, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let mut all = Vec::new();
    for vhost in call.listed_vhosts()? {
        let mut exchanges = vhost.list_exchanges();
        exchanges.sort_by(|a, b| a.name.cmp(&b.name));
        all.extend(exchanges.iter().map(|exchange| describe(call, &vhost, exchange, ranges)));
    }
    Ok(Answer::list(all))
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let exchange = call.exchange(&vhost)?;
    let mut value = describe(call, &vhost, &exchange, Ranges::of(&call.query)?);
    // What flows from one channel and to one queue is not counted.
    value["incoming"] = json!([]);
    value["outgoing"] = json!([]);
    Ok(Answer::object(value))
}

fn describe(call: &Call, vhost: &Vhost, exchange: &Exchange, ranges: Ranges) -> Value {
    // The default exchange finds queues by their names and has no policy.
    let effective = vhost.exchange_effective(&exchange.name);
    let policy = effective.and_then(|effective| effective.policy);
    let policy = policy.filter(|_| !exchange.name.is_empty());
    let mut model = ExchangeModel::new(vhost.name(), exchange, policy.as_ref());
    let counts = vhost.counts_of_exchange(&exchange.name);
    // rabbitmq: an exchange that nobody published to has none.
    if counts.publish_in > 0 && !call.query.is_true("disable_stats") {
        let at = call.management.moment();
        let key = (vhost.name().clone(), exchange.name.clone());
        let stats = call.management.samples.exchanges.look(at.now, [key].iter(), |series| {
            series.stats(EXCHANGE, &counts, ranges.msg_rates, at.unix_ms)
        });
        model.message_stats = Some(stats);
    }
    // Field names are text and numbers are finite.
    serde_json::to_value(model).unwrap_or_default()
}

fn put(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let body = call.object()?;
        let kind = fields::text(&body, "type")?.unwrap_or_else(|| "direct".to_owned());
        let flag = |key| Ok::<_, ApiError>(fields::truth(&body, key)?.unwrap_or(false));
        let declare = DeclareExchange {
            exchange: call.exchange_name("exchange")?,
            kind: parse_name("type", &kind)?,
            passive: false,
            durable: flag("durable")?,
            auto_delete: flag("auto_delete")?,
            internal: flag("internal")?,
            arguments: arguments(&body)?,
        };
        let put = Put::of(vhost.exchange_of(&declare.exchange).is_some());
        let mut client = call.topology(vhost.name())?;
        client.exchange_declare(declare).await.map_err(of_topology)?;
        Ok(Answer::put(put))
    })
}

fn delete(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let name = call.exchange(&vhost)?.name;
        let mut client = call.topology(vhost.name())?;
        let if_unused = call.query.is_true("if-unused");
        client.exchange_delete(&name, if_unused).await.map_err(of_topology)?;
        Ok(Answer::no_content())
    })
}
