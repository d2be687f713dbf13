//! Spans as OTLP has them in JSON (opentelemetry-proto, `collector/trace/v1`; ids are hexadecimal, and numbers of 64
//! bits are texts). Pure.

use serde_json::{Value, json};

use crate::broker::{Span, SpanKind, SpanValue};

/// Who sends spans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// `service.name`.
    pub service_name: String,
    /// `service.instance.id`.
    pub instance: String,
    /// `service.version`.
    pub version: String,
}

/// The body of a request.
#[must_use]
pub fn encode(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let about = [
        ("service.name", &resource.service_name),
        ("service.instance.id", &resource.instance),
        ("service.version", &resource.version),
    ];
    let about: Vec<Value> =
        about.iter().map(|(key, text)| attribute(key, &json!({ "stringValue": text }))).collect();
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({ "name": "haremq", "version": resource.version });
    let document = json!({
        "resourceSpans": [{
            "resource": { "attributes": about },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        }],
    });
    document.to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> =
        span.attributes.iter().map(|(key, value)| attribute(key, &typed(value))).collect();
    let mut encoded = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": span.end_ns.to_string(),
        "attributes": attributes,
        "flags": FLAG_SAMPLED,
    });
    if let Some(parent) = span.parent {
        encoded["parentSpanId"] = json!(parent.to_string());
    }
    if !span.state.is_empty() {
        encoded["traceState"] = json!(&*span.state);
    }
    if let Some(error) = &span.error {
        encoded["status"] = json!({ "code": STATUS_ERROR, "message": error });
    }
    encoded
}

/// The lowest of the flags of a `traceparent`.
const FLAG_SAMPLED: u32 = 1;

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u32 = 2;

fn kind(kind: SpanKind) -> u32 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Producer => 4,
    }
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": value })
}

fn typed(value: &SpanValue) -> Value {
    match value {
        SpanValue::Text(text) => json!({ "stringValue": &**text }),
        SpanValue::Word(word) => json!({ "stringValue": word }),
        SpanValue::Number(number) => json!({ "intValue": number.to_string() }),
        SpanValue::Truth(truth) => json!({ "boolValue": truth }),
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU64, NonZeroU128};
    use std::sync::Arc;

    use super::*;
    use crate::broker::{SpanId, TraceId};

    fn sample() -> Span {
        let id = |id| SpanId(NonZeroU64::new(id).expect("not 0"));
        Span {
            trace: TraceId(NonZeroU128::new(0xabc).expect("not 0")),
            id: id(0xdef),
            parent: Some(id(u64::MAX)),
            state: Arc::from("vendor=1"),
            name: "publish 订单\"".to_owned(),
            kind: SpanKind::Server,
            start_ns: u64::MAX - 1,
            end_ns: u64::MAX,
            attributes: vec![
                ("text", SpanValue::Text(Arc::from("t"))),
                ("word", SpanValue::Word("w")),
                ("number", SpanValue::Number(u64::MAX)),
                ("truth", SpanValue::Truth(true)),
            ],
            error: Some("no exchange".to_owned()),
        }
    }

    fn encoded(spans: &[Span]) -> Value {
        let resource = Resource {
            service_name: "shop-broker".to_owned(),
            instance: "rabbit@host".to_owned(),
            version: "1.2.3".to_owned(),
        };
        serde_json::from_slice(&encode(&resource, spans)).expect("JSON")
    }

    #[test]
    fn a_span_has_the_form_of_otlp_in_json() {
        let spans = encoded(&[sample()]);
        let span = &spans["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(
            *span,
            json!({
                "traceId": "00000000000000000000000000000abc",
                "spanId": "0000000000000def",
                "parentSpanId": "ffffffffffffffff",
                "traceState": "vendor=1",
                "name": "publish 订单\"",
                "kind": 2,
                "startTimeUnixNano": "18446744073709551614",
                "endTimeUnixNano": "18446744073709551615",
                "flags": 1,
                "attributes": [
                    { "key": "text", "value": { "stringValue": "t" } },
                    { "key": "word", "value": { "stringValue": "w" } },
                    { "key": "number", "value": { "intValue": "18446744073709551615" } },
                    { "key": "truth", "value": { "boolValue": true } },
                ],
                "status": { "code": 2, "message": "no exchange" },
            })
        );
    }

    #[test]
    fn what_a_span_does_not_have_is_left_out_and_the_resource_says_who_sends() {
        let plain = Span { parent: None, state: Arc::from(""), error: None, ..sample() };
        let document = encoded(&[plain]);
        let resource = &document["resourceSpans"][0];
        let span = &resource["scopeSpans"][0]["spans"][0];
        for left_out in ["parentSpanId", "traceState", "status"] {
            assert_eq!(span.get(left_out), None, "{left_out}");
        }
        let about: Vec<_> = resource["resource"]["attributes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| (one["key"].as_str(), one["value"]["stringValue"].as_str()))
            .collect();
        assert_eq!(
            about,
            [
                (Some("service.name"), Some("shop-broker")),
                (Some("service.instance.id"), Some("rabbit@host")),
                (Some("service.version"), Some("1.2.3")),
            ]
        );
    }
}
