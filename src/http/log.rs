//! The last lines of the log, as far as they are kept in memory.

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::route::Run::Now;
use super::route::{Needs, Route};
use super::samples::rfc3339;
use crate::base::limits::{LOG_KEPT_LINES_MAX, LOG_LINES_DEFAULT};
use crate::config::{KeptLine, LOG_LEVEL_NAMES, LogLook};

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/haremq/log",
    // Lines name users and addresses of all virtual hosts; RabbitMQ's are for whoever may read its files.
    Needs::Administrator,
    "The last lines of the log; `after` a number only those that came since, filtered by `level` and `text`",
    Now(log),
)];

/// What is asked for.
struct Asked {
    /// The place of the least serious level in [`LOG_LEVEL_NAMES`].
    level: usize,
    /// In lower case; empty: any.
    text: String,
    /// The last number that is known.
    after: Option<u64>,
    count: usize,
}

fn log(call: &Call) -> Result<Answer, ApiError> {
    let asked = Asked::of(call)?;
    let ring = call.management.control.log();
    let mut document = answer(&asked, &ring.look(asked.after.unwrap_or(0)));
    if asked.after.is_some_and(|after| document["next"].as_u64() < Some(after)) {
        // The number is of an earlier life of the broker.
        let anew = Asked { after: None, ..asked };
        document = answer(&anew, &ring.look(0));
    }
    document["started"] = Value::from(rfc3339(ring.started_unix_ms()));
    Ok(Answer::object(document))
}

impl Asked {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let given = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
        let level = match given("level") {
            None => LOG_LEVEL_NAMES.len() - 1,
            Some(name) => {
                let place = LOG_LEVEL_NAMES.iter().position(|level| *level == name);
                place.ok_or_else(|| {
                    let names = LOG_LEVEL_NAMES.join(", ");
                    ApiError::bad_request(format!("'level' must be one of {names}, not '{name}'"))
                })?
            }
        };
        let count = number(call, "count", LOG_KEPT_LINES_MAX as u64)?;
        Ok(Self {
            level,
            text: given("text").unwrap_or_default().to_lowercase(),
            after: number(call, "after", u64::MAX)?,
            count: count.and_then(|count| usize::try_from(count).ok()).unwrap_or(LOG_LINES_DEFAULT),
        })
    }

    fn takes(&self, line: &KeptLine) -> bool {
        let has = |words: &str| words.to_lowercase().contains(&self.text);
        LOG_LEVEL_NAMES[..=self.level].contains(&line.level)
            && (self.text.is_empty() || has(&line.text) || has(&line.target))
    }
}

fn number(call: &Call, name: &str, most: u64) -> Result<Option<u64>, ApiError> {
    let Some(text) = call.query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &u64| *number <= most);
    let refusal = || ApiError::bad_request(format!("'{name}' must be a number from 0 to {most}"));
    number.map(Some).ok_or_else(refusal)
}

/// Of a first look the last lines; of one that goes on the first ones, so that nothing is passed over.
fn answer(asked: &Asked, look: &LogLook) -> Value {
    let mut lines: Vec<&KeptLine> =
        look.lines.iter().map(|line| &**line).filter(|line| asked.takes(line)).collect();
    let is_more = lines.len() > asked.count;
    let mut next = look.last;
    if let Some(after) = asked.after {
        lines.truncate(asked.count);
        if is_more {
            next = lines.last().map_or(after, |line| line.number);
        }
    } else if is_more {
        lines.drain(..lines.len() - asked.count);
    }
    let missed = asked.after.map_or(0, |after| (look.first - 1).saturating_sub(after));
    json!({
        "lines": lines.into_iter().map(shown).collect::<Vec<_>>(),
        "next": next,
        "more": is_more,
        "missed": missed,
        "dropped": look.first - 1,
    })
}

fn shown(line: &KeptLine) -> Value {
    let mut shown = json!({
        "number": line.number,
        "time": rfc3339(line.unix_ms),
        "level": line.level,
        "target": line.target,
        "text": line.text,
    });
    if line.cut_bytes > 0 {
        shown["cut_bytes"] = Value::from(line.cut_bytes);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogRing;

    fn ring() -> LogRing {
        let ring = LogRing::new(0);
        for (level, text) in
            [("info", "one"), ("warning", "Two"), ("error", "three"), ("debug", "four")]
        {
            ring.push(0, level, "haremq::net", text);
        }
        ring
    }

    fn asked(after: Option<u64>, count: usize) -> Asked {
        Asked { level: 3, text: String::new(), after, count }
    }

    fn texts(document: &Value) -> Vec<&str> {
        let lines = document["lines"].as_array().expect("a list");
        lines.iter().map(|line| line["text"].as_str().expect("a text")).collect()
    }

    #[test]
    fn a_first_look_has_the_last_lines_and_the_next_ones_all_in_order() {
        let look = ring().look(0);
        let document = answer(&asked(None, 2), &look);
        assert_eq!(texts(&document), ["three", "four"]);
        assert_eq!((&document["next"], &document["more"]), (&json!(4), &json!(true)));
        let document = answer(&asked(Some(0), 3), &look);
        assert_eq!(texts(&document), ["one", "Two", "three"]);
        assert_eq!((&document["next"], &document["more"]), (&json!(3), &json!(true)));
        let document = answer(&asked(Some(3), 3), &ring().look(3));
        assert_eq!(texts(&document), ["four"]);
        assert_eq!((&document["next"], &document["more"]), (&json!(4), &json!(false)));
        assert_eq!(answer(&asked(Some(1), 0), &look)["next"], 1, "nothing is passed over");
    }

    #[test]
    fn level_and_text_are_a_filter_and_what_they_leave_out_is_passed() {
        let look = ring().look(0);
        let serious = Asked { level: 1, ..asked(None, 9) };
        assert_eq!(texts(&answer(&serious, &look)), ["Two", "three"]);
        let two = Asked { text: "two".to_owned(), ..asked(Some(0), 9) };
        let document = answer(&two, &look);
        assert_eq!((texts(&document), &document["next"]), (vec!["Two"], &json!(4)));
        let module = Asked { text: "::net".to_owned(), ..asked(None, 9) };
        assert_eq!(texts(&answer(&module, &look)).len(), 4);
    }

    #[test]
    fn what_is_gone_is_counted() {
        let look = LogLook { lines: Vec::new(), first: 11, last: 10 };
        let document = answer(&asked(Some(4), 9), &look);
        assert_eq!((&document["dropped"], &document["missed"]), (&json!(10), &json!(6)));
        let document = answer(&asked(None, 9), &look);
        assert_eq!((&document["dropped"], &document["missed"]), (&json!(10), &json!(0)));
    }
}
