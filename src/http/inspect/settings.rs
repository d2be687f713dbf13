//! Where each setting of a queue comes from.

use serde_json::{Value, json};

use crate::base::FieldTable;
use crate::broker::policy::{
    DeadLetterStrategy, DelayedRetryKind, Origin, Overflow, Policy, PolicyKind, Setting,
};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::model::value_to_json;
use crate::http::route::Run::Now;
use crate::http::route::{Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[Route::get(
    "/haremq/queues/{vhost}/{queue}/settings",
    Needs::Management,
    "Which settings are in force for a queue, and who set each",
    Now(settings),
)];

/// Who may have said something.
struct Sources<'a> {
    arguments: &'a FieldTable,
    policy: Option<&'a Policy>,
    operator: Option<&'a Policy>,
}

impl Sources<'_> {
    /// What everybody said of a key.
    fn said(&self, key: &str) -> Vec<Value> {
        let of = |policy: Option<&Policy>| {
            policy.and_then(|policy| {
                policy.definition.settings().get(key.as_bytes()).map(value_to_json)
            })
        };
        let argument = format!("x-{key}");
        let argument = self.arguments.get(argument.as_bytes()).map(value_to_json);
        let name = |policy: Option<&Policy>| policy.map(|policy| policy.name.to_string());
        [
            ("argument", argument, None),
            ("policy", of(self.policy), name(self.policy)),
            ("operator_policy", of(self.operator), name(self.operator)),
        ]
        .into_iter()
        .filter_map(|(origin, value, name)| {
            Some(json!({ "origin": origin, "name": name, "value": value? }))
        })
        .collect()
    }

    fn describe(&self, key: &str, value: &Value, origin: Origin) -> Value {
        let (origin, name) = match origin {
            Origin::Default => ("default", None),
            Origin::Argument => ("argument", None),
            Origin::Policy => ("policy", self.policy.map(|policy| policy.name.to_string())),
            Origin::OperatorPolicy => {
                ("operator_policy", self.operator.map(|policy| policy.name.to_string()))
            }
        };
        json!({ "key": key, "value": value, "origin": origin, "policy": name, "said": self.said(key) })
    }

    fn setting<T: Clone>(&self, key: &str, of: &Setting<T>, value: impl Fn(T) -> Value) -> Value {
        self.describe(key, &value(of.value.clone()), of.origin)
    }

    /// Of what the first counts that is said.
    fn first(&self, key: &str, value: &Value) -> Value {
        let argument = format!("x-{key}");
        let says = |policy: Option<&Policy>| {
            policy.is_some_and(|policy| policy.definition.settings().get(key.as_bytes()).is_some())
        };
        let origin = match (self.arguments.get(argument.as_bytes()), self.policy, self.operator) {
            (Some(_), ..) => Origin::Argument,
            (None, policy, _) if says(policy) => Origin::Policy,
            (None, _, operator) if says(operator) => Origin::OperatorPolicy,
            _ => Origin::Default,
        };
        self.describe(key, value, origin)
    }

    /// What only an argument can say.
    fn argument(&self, key: &str, value: &Value) -> Value {
        let argument = format!("x-{key}");
        let is_said = self.arguments.get(argument.as_bytes()).is_some();
        self.describe(key, value, if is_said { Origin::Argument } else { Origin::Default })
    }
}

fn settings(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let queue = call.queue(&vhost)?;
    let (effective, policies) = (queue.effective(), vhost.policies());
    let found = |kind, name: &Option<_>| {
        name.as_ref().and_then(|name| policies.get(kind, name)).map(|policy| &**policy)
    };
    let sources = Sources {
        arguments: &queue.info().arguments,
        policy: found(PolicyKind::User, &effective.policy),
        operator: found(PolicyKind::Operator, &effective.operator_policy),
    };
    let number = |value: Option<u64>| Value::from(value);
    let retry = effective.delayed_retry.value;
    let all = vec![
        sources.argument("queue-type", &Value::from(effective.queue_type.as_str())),
        sources.setting("message-ttl", &effective.message_ttl_ms, number),
        sources.setting("expires", &effective.expires_ms, number),
        sources.setting("max-length", &effective.max_length, number),
        sources.setting("max-length-bytes", &effective.max_length_bytes, number),
        sources.setting("overflow", &effective.overflow, |value| Value::from(overflow(value))),
        sources.setting("dead-letter-exchange", &effective.dead_letter_exchange, |value| {
            Value::from(value.map(|name| name.to_string()))
        }),
        sources.setting("dead-letter-routing-key", &effective.dead_letter_routing_key, |value| {
            Value::from(value.map(|key| key.to_string()))
        }),
        sources.setting("dead-letter-strategy", &effective.dead_letter_strategy, |value| {
            Value::from(strategy(value))
        }),
        sources.setting("delivery-limit", &effective.delivery_limit, Value::from),
        sources.setting("consumer-timeout", &effective.consumer_timeout_ms, |value| {
            Value::from(value.or(call.broker().consumer_timeout_ms()))
        }),
        sources.setting("delayed-retry-type", &effective.delayed_retry, |value| {
            Value::from(retry_kind(value.kind))
        }),
        sources.first("delayed-retry-min", &Value::from(retry.min_ms)),
        sources.first("delayed-retry-max", &Value::from(retry.max_ms)),
        sources.argument("max-priority", &Value::from(effective.max_priority)),
        sources.argument("single-active-consumer", &Value::from(effective.single_active_consumer)),
    ];
    Ok(Answer::object(json!({
        "vhost": vhost.name().as_str(),
        "queue": queue.info().name.as_str(),
        "policy": effective.policy.map(|name| name.to_string()),
        "operator_policy": effective.operator_policy.map(|name| name.to_string()),
        "settings": all,
    })))
}

fn overflow(value: Overflow) -> &'static str {
    match value {
        Overflow::DropHead => "drop-head",
        Overflow::RejectPublish => "reject-publish",
        Overflow::RejectPublishDlx => "reject-publish-dlx",
    }
}

fn strategy(value: DeadLetterStrategy) -> &'static str {
    match value {
        DeadLetterStrategy::AtMostOnce => "at-most-once",
        DeadLetterStrategy::AtLeastOnce => "at-least-once",
    }
}

fn retry_kind(value: DelayedRetryKind) -> &'static str {
    match value {
        DelayedRetryKind::Disabled => "disabled",
        DelayedRetryKind::All => "all",
        DelayedRetryKind::Failed => "failed",
        DelayedRetryKind::Returned => "returned",
    }
}
