//! The faults that a test has ordered.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::base::ReplyCode;
use crate::broker::{Fault, FaultError, FaultId, FaultKind, On, OrderedFault};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields;
use crate::http::route::Run::{Now, Plain};
use crate::http::route::{Needs, Route};
use crate::http::test_api::body::Body;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/haremq/test/faults",
        Needs::Administrator,
        "Faults that are ordered, and how often each has struck; with `--test-api` only",
        Plain(list),
    ),
    Route::post(
        "/haremq/test/faults",
        Needs::Administrator,
        "Order a fault; with `--test-api` only",
        Now(order),
    ),
    Route::delete(
        "/haremq/test/faults",
        Needs::Administrator,
        "Withdraw every fault; with `--test-api` only",
        Plain(clear),
    ),
    Route::delete(
        "/haremq/test/faults/{id}",
        Needs::Administrator,
        "Withdraw a fault; with `--test-api` only",
        Now(withdraw),
    ),
];

/// Kinds by their names, with the fields that only they have.
const KINDS: [(&str, &[&str]); 10] = [
    ("confirm_delay", &["ms"]),
    ("confirm_drop", &[]),
    ("nack", &[]),
    ("channel_close", &["code", "text", "on"]),
    ("connection_close", &["code", "text", "on"]),
    ("cut", &["on"]),
    ("block", &["reason"]),
    ("redeliver", &[]),
    ("duplicate", &[]),
    ("slow_disk", &["ms"]),
];

/// Fields that every kind may have. Which of them mean something for it, the broker says.
const COMMON: [&str; 7] = ["kind", "vhost", "connection", "exchange", "queue", "every", "times"];

fn list(call: &Call) -> Answer {
    Answer::list(call.broker().faults().list().iter().map(shown).collect())
}

fn order(call: &Call) -> Result<Answer, ApiError> {
    let fault = parse(call.object()?)?;
    let id = call.broker().faults().order(fault)?;
    let mut answer = Answer::object(json!({ "id": id.0 }));
    answer.status = StatusCode::CREATED;
    Ok(answer)
}

fn clear(call: &Call) -> Answer {
    call.broker().faults().withdraw_all();
    Answer::no_content()
}

fn withdraw(call: &Call) -> Result<Answer, ApiError> {
    let id = call.segment("id").parse().map(FaultId).ok();
    let was_there = id.is_some_and(|id| call.broker().faults().withdraw(id));
    if was_there { Ok(Answer::no_content()) } else { Err(ApiError::not_found()) }
}

fn parse(body: Map<String, Value>) -> Result<Fault, ApiError> {
    let body = Body::new(body);
    let kind = body.text("kind")?.ok_or_else(|| fields::missing("kind", "a kind of fault"))?;
    let Some((_, own)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(ApiError::bad_request(format!(
            "'kind' is '{kind}': one of {names} is expected"
        )));
    };
    let known: Vec<&str> = COMMON.iter().chain(*own).copied().collect();
    body.refuse_others(&known)?;
    let mut fault = Fault::new(kind_of(&kind, &body)?);
    fault.only.vhost = body.text("vhost")?;
    fault.only.connection = body.text("connection")?;
    fault.only.exchange = body.text("exchange")?;
    fault.only.queue = body.text("queue")?;
    fault.every = body.number("every")?.unwrap_or(1);
    fault.times = body.number("times")?;
    Ok(fault)
}

fn kind_of(kind: &str, body: &Body) -> Result<FaultKind, ApiError> {
    Ok(match kind {
        "confirm_delay" => FaultKind::ConfirmDelay { ms: body.required_number("ms")? },
        "confirm_drop" => FaultKind::ConfirmDrop,
        "nack" => FaultKind::Nack,
        "channel_close" => {
            let on = on(body)?.ok_or_else(|| fields::missing("on", &names_of_on()))?;
            FaultKind::ChannelClose { code: code(body, 406)?, text: text(body)?, on }
        }
        "connection_close" => {
            let on = on(body)?;
            FaultKind::ConnectionClose { code: code(body, 320)?, text: text(body)?, on }
        }
        "cut" => FaultKind::Cut { on: on(body)? },
        "block" => {
            let reason = body.text("reason")?.unwrap_or_else(|| ORDERED.to_owned());
            FaultKind::Block { reason }
        }
        "redeliver" => FaultKind::Redeliver,
        "duplicate" => FaultKind::Duplicate,
        _ => FaultKind::SlowDisk { ms: body.required_number("ms")? },
    })
}

fn text(body: &Body) -> Result<String, ApiError> {
    Ok(body.text("text")?.unwrap_or_else(|| ORDERED.to_owned()))
}

fn code(body: &Body, default: u64) -> Result<ReplyCode, ApiError> {
    let number = body.number("code")?.unwrap_or(default);
    ReplyCode::from_number(number).ok_or_else(|| {
        ApiError::bad_request(format!("'code' is {number}: a reply code of AMQP is expected"))
    })
}

fn on(body: &Body) -> Result<Option<On>, ApiError> {
    let Some(text) = body.text("on")? else { return Ok(None) };
    let on = On::ALL.into_iter().find(|on| on.name() == text);
    on.map(Some).ok_or_else(|| {
        let expected = names_of_on();
        ApiError::bad_request(format!("'on' is '{text}': {expected} is expected"))
    })
}

fn names_of_on() -> String {
    On::ALL.map(On::name).join(", ")
}

/// What clients are told when the order does not say.
const ORDERED: &str = "a test has ordered it";

fn shown(ordered: &OrderedFault) -> Value {
    let OrderedFault { id, fault, hits } = ordered;
    let mut shown = json!({ "id": id.0, "kind": fault.kind.name(), "every": fault.every });
    match &fault.kind {
        FaultKind::ConfirmDelay { ms } | FaultKind::SlowDisk { ms } => {
            shown["ms"] = Value::from(*ms);
        }
        FaultKind::ChannelClose { code, text, .. }
        | FaultKind::ConnectionClose { code, text, .. } => {
            shown["code"] = Value::from(code.number());
            shown["text"] = Value::from(text.as_str());
        }
        FaultKind::Block { reason } => shown["reason"] = Value::from(reason.as_str()),
        FaultKind::ConfirmDrop
        | FaultKind::Nack
        | FaultKind::Cut { .. }
        | FaultKind::Redeliver
        | FaultKind::Duplicate => {}
    }
    if let FaultKind::ChannelClose { .. }
    | FaultKind::ConnectionClose { .. }
    | FaultKind::Cut { .. } = &fault.kind
    {
        shown["on"] = Value::from(fault.kind.on().map(On::name));
    }
    for (field, text) in fault.only.given() {
        shown[field] = Value::from(text);
    }
    shown["times"] = Value::from(fault.times);
    shown["hits"] = Value::from(*hits);
    shown
}

impl From<FaultError> for ApiError {
    fn from(error: FaultError) -> Self {
        Self::bad_request(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: Value) -> Result<Fault, String> {
        let Value::Object(body) = body else { panic!("an object") };
        let fault = parse(body).map_err(|error| {
            let body = error.body.unwrap_or_default();
            body["reason"].as_str().unwrap_or_default().to_owned()
        })?;
        fault.check().map_err(|error| error.to_string())?;
        Ok(fault)
    }

    #[test]
    fn every_kind_is_read_and_shown_as_it_was_ordered() {
        let orders = [
            json!({ "kind": "confirm_delay", "ms": 500, "exchange": "", "queue": "q" }),
            json!({ "kind": "confirm_drop", "times": 3 }),
            json!({ "kind": "nack", "every": 2, "vhost": "/", "connection": "app" }),
            json!({ "kind": "channel_close", "code": 404, "text": "no", "on": "ack" }),
            json!({ "kind": "connection_close", "code": 501, "text": "no", "on": null }),
            json!({ "kind": "cut", "on": "deliver", "queue": "q", "exchange": "e" }),
            json!({ "kind": "block", "reason": "full" }),
            json!({ "kind": "redeliver", "queue": "q", "vhost": "v" }),
            json!({ "kind": "duplicate", "every": 3 }),
            json!({ "kind": "slow_disk", "ms": 0 }),
        ];
        let kinds: Vec<&str> = orders.iter().map(|one| one["kind"].as_str().expect("")).collect();
        assert_eq!(kinds, KINDS.map(|(kind, _)| kind), "each of them");
        for order in orders {
            let fault = parsed(order.clone()).expect("a good order");
            let shown = shown(&OrderedFault { id: FaultId(7), fault, hits: 5 });
            for (field, value) in order.as_object().expect("an object") {
                assert_eq!(&shown[field], value, "{field} of {order}");
            }
            assert_eq!((&shown["id"], &shown["hits"]), (&json!(7), &json!(5)));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (order, expected) in [
            (json!({}), "'kind' is missing: a kind of fault is expected"),
            (json!({ "kind": "flood" }), "'kind' is 'flood': one of confirm_delay, confirm_drop"),
            (json!({ "kind": 5 }), "'kind' is a number"),
            (json!({ "kind": "nack", "ms": 5 }), "'ms' is no field of this: kind, vhost"),
            (json!({ "kind": "nack", "evry": 5 }), "'evry' is no field"),
            (json!({ "kind": "nack", "every": 0 }), "'every' is 0: a number from 1"),
            (json!({ "kind": "nack", "times": 0 }), "'times' is 0: a number from 1"),
            (json!({ "kind": "nack", "every": -1 }), "'every' is -1"),
            (json!({ "kind": "nack", "every": "2" }), "'every' is a text"),
            (json!({ "kind": "nack", "queue": 2 }), "'queue' is a number"),
            (json!({ "kind": "nack", "queue": "x".repeat(256) }), "'queue' has 256 bytes"),
            (json!({ "kind": "confirm_delay" }), "'ms' is missing"),
            (json!({ "kind": "confirm_delay", "ms": 1.5 }), "'ms' is 1.5"),
            (json!({ "kind": "confirm_delay", "ms": 86_400_001 }), "'ms' is 86400001: a number"),
            (json!({ "kind": "slow_disk", "ms": 60_001 }), "'ms' is 60001: a number from 0 to"),
            (json!({ "kind": "slow_disk", "ms": 1, "queue": "q" }), "'queue' means nothing for"),
            (json!({ "kind": "channel_close", "code": 404 }), "'on' is missing: publish, ack"),
            (json!({ "kind": "channel_close", "on": "x" }), "'on' is 'x': publish, ack"),
            (
                json!({ "kind": "channel_close", "on": "ack", "code": 501 }),
                "'code' is 501, which does not end a channel: one of 311, 312, 313, 403",
            ),
            (
                json!({ "kind": "connection_close", "code": 200 }),
                "'code' is 200, which does not end a connection",
            ),
            (json!({ "kind": "connection_close", "code": 7 }), "'code' is 7: a reply code"),
            (
                json!({ "kind": "connection_close", "text": "x".repeat(201) }),
                "'text' has 201 bytes: at most 200",
            ),
            (json!({ "kind": "block", "reason": "x".repeat(201) }), "'reason' has 201 bytes"),
            (json!({ "kind": "block", "queue": "q" }), "'queue' means nothing for block"),
            (json!({ "kind": "cut", "queue": "q" }), "'queue' means nothing for cut: leave"),
            (
                json!({ "kind": "cut", "on": "ack", "exchange": "q" }),
                "'exchange' means nothing for cut on ack",
            ),
            (
                json!({ "kind": "cut", "on": "declare", "exchange": "q", "queue": "q" }),
                "'queue' and 'exchange' are both given",
            ),
            (json!({ "kind": "redeliver" }), "'queue' is missing: redeliver needs it"),
            (
                json!({ "kind": "redeliver", "queue": "q", "connection": "c" }),
                "'connection' means nothing for redeliver",
            ),
        ] {
            let reason = parsed(order.clone()).expect_err("a bad order");
            assert!(reason.contains(expected), "{order}: {reason}");
        }
    }
}
