//! Findings as JSON.

use serde_json::{Value, json};

use crate::base::Millis;
use crate::explain::{Finding, Severity};
use crate::http::alarms::unix_ms;
use crate::http::call::Call;
use crate::http::samples::rfc3339;

/// The findings, and how it stands in one word and one sentence.
pub(super) fn answer(call: &Call, now: Millis, findings: &[Finding], about: Value) -> Value {
    let clock = call.broker().clock();
    let told = findings.iter().map(|finding| {
        json!({
            "name": finding.name,
            "severity": finding.severity.as_str(),
            "cause": finding.cause,
            "since": finding.since.map(|at| rfc3339(unix_ms(clock.as_ref(), at))),
            "age_ms": finding.since.map(|at| now.since(at)),
            "fix": finding.fix,
        })
    });
    let worst = findings.iter().map(|finding| finding.severity).min();
    let mut answer = about;
    answer["status"] = match worst {
        None => Value::from("ok"),
        // What is as it should be is told, and is no fault.
        Some(Severity::Info) => Value::from("ok"),
        Some(severity) => Value::from(severity.as_str()),
    };
    let first = findings.first().map(|finding| finding.cause.as_str());
    answer["summary"] = Value::from(first.unwrap_or("nothing is the matter"));
    answer["findings"] = told.collect();
    answer["at"] = Value::from(rfc3339(clock.unix_ms()));
    answer
}
