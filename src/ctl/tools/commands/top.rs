//! Queues and connections, looked at again and again.

use std::fmt;

use hyper::Method;
use serde_json::Value;

use crate::base::limits::HTTP_PAGE_ENTRIES_MAX;
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::{ApiError, Ask, Way};
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::format::Form;
use crate::ctl::tools::path::{encoded, path};
use crate::ctl::tools::session::{Session, failed, refused};
use crate::ctl::tools::spec::Section::Monitoring;
use crate::ctl::tools::spec::{CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};
use crate::ctl::top::{Asked, Source, View, Wanted, document, is_on_terminal, table, watch};

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new(
    "top",
    Monitoring,
    "Shows queues or connections with their rates again and again; ? shows the keys",
    top,
)
.also(&["observer"])
.flags(FLAGS)
.examples(EXAMPLES)
.checks(|call| wanted(call).map(|_| ()))
.within_s(ANSWER_S)
.tools(&[Rabbitmqctl, Diagnostics])];

const FLAGS: &[Flag] = &[
    Flag::switch("connections", "Connections instead of queues").short('c'),
    Flag::number("interval", "seconds", "Seconds between two looks, up to 300 (default 2)"),
    Flag::text("sort", "column", "Sort by a column; with a - in front the other way round"),
    Flag::text("filter", "text", "Only names that hold this text, in any case"),
    Flag::switch("once", "Print one table and end, as without a terminal"),
    Flag::switch("json", "Print one look as JSON and end"),
    Flag::number("rows", "number", "Rows of --once and --json, up to 500 (default 50)"),
];

const EXAMPLES: &[&str] = &[
    "haremq top                                 the longest queues of the broker on this machine",
    "haremq top --vhost shop --sort oldest      those of one virtual host, by the age of the head",
    "haremq top --connections --filter 10.0.    connections from some addresses",
    "haremq top --url https://monitor:secret@box --tls-ca-cert-file ca.pem",
    "haremq top --once --rows 5                 five lines for a script or a mail",
    "haremq top --json --rows 500 | jq -r '.items[] | select(.consumers == 0) | .name'",
];

fn top(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let variable = |name: &str| {
        let found = session.environment.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.to_str()).filter(|value| !value.is_empty())
    };
    let (call, kind, no_colour) = (session.call, variable("TERM"), variable("NO_COLOR"));
    let wanted = Wanted { colours: no_colour.is_none(), ..wanted(call)? };
    let is_for_people = is_on_terminal(kind) && !call.has("once");
    let (way, runtime) = session.take_client()?.into_parts();
    let mut source = Api { way, call };
    let told = |trouble: Trouble| trouble.failure;
    if call.has("json") || call.form == Form::Json {
        let document = runtime.block_on(document(&mut source, &wanted)).map_err(told)?;
        return Ok(Answer::Raw(document.to_string()));
    }
    if !is_for_people {
        return runtime.block_on(table(&mut source, &wanted)).map(Answer::Raw).map_err(told);
    }
    match runtime.block_on(watch(source, &wanted)).map_err(told)? {
        Ok(()) => Ok(Answer::Done),
        Err(error) => {
            let text = format!("the terminal cannot be used: {error}; --once needs none");
            Err(Failure::told(code::SOFTWARE, text))
        }
    }
}

/// What the flags come to, or what is wrong with them.
fn wanted(call: &Call) -> Result<Wanted, Failure> {
    let view = if call.has("connections") { View::Connections } else { View::Queues };
    let (sort, reverse) = match call.flag("sort") {
        None => (None, false),
        Some(name) => {
            let (title, reverse) = match name.strip_prefix('-') {
                Some(title) => (title, true),
                None => (name, false),
            };
            let Some(column) = view.find(title) else {
                let known = view.titles().collect::<Vec<_>>().join(", ");
                return Err(Failure::argument(format!(
                    "--sort names '{title}', and there are the columns {known}"
                )));
            };
            (Some(column), reverse)
        }
    };
    let bounded = |flag: &str, default: u64, most: u64| match call.number(flag) {
        None => Ok(default),
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(number) => {
            Err(Failure::argument(format!("--{flag} is {number}, and 1 to {most} is expected")))
        }
    };
    let rows_max = u64::try_from(HTTP_PAGE_ENTRIES_MAX).unwrap_or(u64::MAX);
    Ok(Wanted {
        view,
        sort,
        reverse,
        filter: call.flag("filter").unwrap_or_default().to_owned(),
        vhost: call.flag("vhost").map(str::to_owned),
        interval_s: bounded("interval", INTERVAL_S, INTERVAL_S_MAX)?,
        rows: usize::try_from(bounded("rows", ROWS, rows_max)?).unwrap_or(HTTP_PAGE_ENTRIES_MAX),
        colours: false,
    })
}

/// The management API for what shows it.
struct Api<'a> {
    way: Way,
    call: &'a Call,
}

/// In a few words for the screen, and as the other commands tell it.
struct Trouble {
    brief: String,
    failure: Failure,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.brief)
    }
}

impl Source for Api<'_> {
    type Error = Trouble;

    async fn get(&mut self, asked: &Asked) -> Result<Value, Trouble> {
        let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
        let pairs = asked.query.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let mut line = path(&segments);
        if !asked.query.is_empty() {
            line = format!("{line}?{}", pairs.collect::<Vec<_>>().join("&"));
        }
        let timeout_s = self.call.timeout_s();
        let ask = Ask { method: &Method::GET, path: &line, body: None, reason: None, timeout_s };
        self.way.request(ask).await.map(|reply| reply.body).map_err(|error| self.trouble(error))
    }
}

impl Api<'_> {
    fn trouble(&self, error: ApiError) -> Trouble {
        let brief = error.to_string();
        let failure = failed(self.call, &error).unwrap_or_else(|| refused(error));
        Trouble { brief, failure }
    }
}

/// A broker that is there answers in milliseconds.
const ANSWER_S: u64 = 5;
const INTERVAL_S: u64 = 2;
const INTERVAL_S_MAX: u64 = 300;
const ROWS: u64 = 50;
