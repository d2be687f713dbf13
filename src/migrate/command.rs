//! From the command line to the report and the exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;
use super::args::{Options, parse};
use super::claim::side_name;
use super::definitions;
use super::error::{MigrateError, Side};
use super::places;
use super::report::Report;
use super::run::{Board, Places, key, targets};
use super::state::{QueueKey, StateFile};
use super::survey::{Candidate, decide, expires_ms};
use crate::ctl::{Progress, path};
use crate::perf::Interrupt;

/// Runs what stands behind `migrate` on the standard streams of the process; returns the exit code.
#[must_use]
pub fn run_on_terminal(arguments: &[OsString], environment: &[(OsString, OsString)]) -> u8 {
    let options = match parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            // A closed terminal is no reason to do anything else.
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE } else { 0 };
        }
    };
    match run(&options, environment) {
        Ok(report) => {
            let mut output = io::stdout().lock();
            let written = if options.json {
                writeln!(output, "{}", report.to_json())
            } else {
                report.write(&mut output)
            };
            // As above.
            let _ = written.and_then(|()| output.flush());
            if report.interrupted {
                EXIT_INTERRUPTED
            } else if report.failure.is_some() {
                EXIT_UNAVAILABLE
            } else {
                u8::from(!report.is_good())
            }
        }
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(io::stderr(), "haremq migrate: {error}");
            error.code()
        }
    }
}

fn run(options: &Options, environment: &[(OsString, OsString)]) -> Result<Report, MigrateError> {
    let system = |error: crate::perf::PerfError| MigrateError::System(error.to_string());
    let (interrupt, _listening) = Interrupt::listen().map_err(system)?;
    let mut work = Work::begin(options, environment)?;
    let documents = work.documents()?;
    let mut report = work.report();
    let candidates = work.survey(&mut report)?;
    if options.dry_run {
        return work.rehearse(documents, &candidates, report);
    }
    work.ask(&candidates)?;
    let (file, mut state) = StateFile::open(&options.state, &report.from, &report.to)?;
    if !options.messages_only && (!state.has_definitions || work.misses(&candidates)?) {
        work.import(documents, &mut report)?;
        state.has_definitions = true;
        file.write(&state)?;
    }
    if options.definitions_only {
        return Ok(report);
    }
    work.permit(&candidates, &mut report)?;
    let (queues, exchanges) = work.of_target(&candidates)?;
    for candidate in &candidates {
        if let Some(ms) = queues.get(&key(candidate)).and_then(expires_ms) {
            let name = &candidate.name;
            report
                .notes
                .push(format!("queue '{name}' goes at the target when nobody uses it for {ms} ms"));
        }
    }
    let about = targets(&candidates, &queues, &exchanges);
    let board =
        Board::new((state, &file), candidates.clone(), about, (options, &work.places, &interrupt));
    let moved = board.run(&mut Progress::on_standard_error())?;
    report.queues = moved.state.queues;
    report.outcomes = moved.outcomes;
    report.untouched = moved.untouched;
    report.failure = moved.failure.map(|error| error.to_string());
    report.interrupted = interrupt.is_asked();
    if report.failure.is_none() && !report.interrupted {
        report.unacked = work.unacked(&candidates)?;
        work.end_claims(&mut report)?;
    }
    Ok(report)
}

/// Both sides, and what is wanted of them.
struct Work<'a> {
    options: &'a Options,
    source: Api,
    target: Api,
    /// Who logs in at the target.
    target_user: String,
    places: Places,
    vhosts: Vec<String>,
}

/// A document of definitions, and the virtual host it is for, if it is for one.
type Document = (Option<String>, Value);

impl<'a> Work<'a> {
    fn begin(
        options: &'a Options,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, MigrateError> {
        let from = places::Api::of(Side::Source, options, environment)?;
        let to = places::Api::of(Side::Target, options, environment)?;
        let mut source = Api::open(Side::Source, &from)?;
        let mut target = Api::open(Side::Target, &to)?;
        let (of_source, of_target) = (source.get(&["overview"])?, target.get(&["overview"])?);
        let given = options.from_amqp.as_deref();
        let source_amqp = from.amqp(Side::Source, given, &of_source)?;
        let target_amqp = to.amqp(Side::Target, options.to_amqp.as_deref(), &of_target)?;
        let is_same =
            (&source_amqp.host, source_amqp.port) == (&target_amqp.host, target_amqp.port);
        if is_same || from.shown() == to.shown() {
            let text = format!("--from and --to name the same broker, {}", from.shown());
            return Err(MigrateError::Usage(text));
        }
        let all = source.list(&["vhosts"])?;
        let all: Vec<String> =
            all.iter().filter_map(|vhost| vhost["name"].as_str().map(str::to_owned)).collect();
        if let Some(wrong) = options.vhost.iter().find(|vhost| !all.contains(vhost)) {
            return Err(MigrateError::Usage(format!(
                "--vhost {wrong}: the source has no such virtual host; it has {}",
                all.join(", ")
            )));
        }
        let vhosts = if options.vhost.is_empty() { all } else { options.vhost.clone() };
        let places = Places { source: source_amqp, target: target_amqp };
        Ok(Self { options, source, target, target_user: to.user().to_owned(), places, vhosts })
    }

    fn report(&self) -> Report {
        Report {
            from: self.source.place.clone(),
            to: self.target.place.clone(),
            state: self.options.state.display().to_string(),
            ..Report::default()
        }
    }

    fn documents(&mut self) -> Result<Vec<Document>, MigrateError> {
        if self.options.messages_only {
            return Ok(Vec::new());
        }
        if self.options.vhost.is_empty() {
            return Ok(vec![(None, self.source.get(&["definitions"])?)]);
        }
        let vhosts = self.vhosts.clone().into_iter();
        vhosts
            .map(|vhost| {
                let document = self.source.get(&["definitions", &vhost])?;
                Ok((Some(vhost), document))
            })
            .collect()
    }

    /// Looks at every queue.
    fn survey(&mut self, report: &mut Report) -> Result<Vec<Candidate>, MigrateError> {
        let mut candidates = Vec::new();
        if self.options.definitions_only {
            return Ok(candidates);
        }
        for vhost in &self.vhosts {
            for queue in self.source.list(&["queues", vhost])? {
                match decide(&queue, self.options) {
                    None => {}
                    Some(Ok(candidate)) => candidates.push(candidate),
                    Some(Err(skipped)) => report.skipped.push(skipped),
                }
            }
        }
        Ok(candidates)
    }

    fn rehearse(
        &mut self,
        documents: Vec<Document>,
        candidates: &[Candidate],
        mut report: Report,
    ) -> Result<Report, MigrateError> {
        for (vhost, mut document) in documents {
            report.notes.extend(definitions::fit(&mut document, &self.target_user));
            add(&mut report.definitions, &definitions::counts(&document));
            if let Some(vhost) = &vhost
                && self.target.find(&["vhosts", vhost])?.is_none()
            {
                report.notes.push(format!("virtual host '{vhost}' would be made at the target"));
                continue;
            }
            let path = format!("{}?dry_run=true", import_path(vhost.as_deref()));
            let plan = self.target.post(&path, &document)?;
            let warnings = plan["warnings"].as_array().into_iter().flatten();
            report.notes.extend(warnings.filter_map(|text| text.as_str().map(str::to_owned)));
        }
        let messages: u64 = candidates.iter().map(|candidate| candidate.messages).sum();
        let queues = candidates.len();
        report.is_rehearsal = true;
        report.notes.push(format!("some {messages} messages of {queues} queues would be moved"));
        for candidate in candidates.iter().filter(|candidate| candidate.consumers > 0) {
            let Candidate { name, vhost, consumers, .. } = candidate;
            report.notes.push(format!(
                "queue '{name}' in '{vhost}' has {consumers} consumers at the source"
            ));
        }
        Ok(report)
    }

    fn ask(&self, candidates: &[Candidate]) -> Result<(), MigrateError> {
        if self.options.yes || candidates.is_empty() {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            let text = "messages are taken from the source, and nobody can be asked: say --yes";
            return Err(MigrateError::Usage(text.to_owned()));
        }
        let messages: u64 = candidates.iter().map(|candidate| candidate.messages).sum();
        let mut errors = io::stderr();
        let asked = write!(
            errors,
            "take some {messages} messages of {} queues from {} and put them into {}? [y/N] ",
            candidates.len(),
            self.source.place,
            self.target.place
        );
        let mut line = String::new();
        let read = asked
            .and_then(|()| errors.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut line));
        match read {
            Ok(_) if ["y", "yes"].contains(&line.trim().to_lowercase().as_str()) => Ok(()),
            _ => Err(MigrateError::Usage("nothing was done".to_owned())),
        }
    }

    fn import(
        &mut self,
        documents: Vec<Document>,
        report: &mut Report,
    ) -> Result<(), MigrateError> {
        for (vhost, mut document) in documents {
            report.notes.extend(definitions::fit(&mut document, &self.target_user));
            if let Some(vhost) = &vhost
                && self.target.find(&["vhosts", vhost])?.is_none()
            {
                self.target.put(&["vhosts", vhost], &json!({}))?;
            }
            self.target.post(&import_path(vhost.as_deref()), &document)?;
            add(&mut report.definitions, &definitions::counts(&document));
        }
        Ok(())
    }

    /// Who moves messages needs permissions in their virtual hosts.
    fn permit(
        &mut self,
        candidates: &[Candidate],
        report: &mut Report,
    ) -> Result<(), MigrateError> {
        let vhosts: BTreeSet<&str> = candidates.iter().map(|one| one.vhost.as_str()).collect();
        let user = self.target_user.clone();
        for vhost in vhosts {
            let segments = ["permissions", vhost, &user];
            if self.target.find(&segments)?.is_some() {
                continue;
            }
            self.target.put(&segments, &json!({"configure": ".*", "write": ".*", "read": ".*"}))?;
            report.notes.push(format!(
                "user '{user}' was given all permissions in virtual host '{vhost}' of the target, to move messages"
            ));
        }
        Ok(())
    }

    /// Whether a queue that is to be moved is not at the target.
    fn misses(&mut self, candidates: &[Candidate]) -> Result<bool, MigrateError> {
        let (queues, _) = self.of_target(candidates)?;
        Ok(candidates.iter().any(|candidate| !queues.contains_key(&key(candidate))))
    }

    /// The queues and the exchanges of the target in the virtual hosts that matter.
    fn of_target(
        &mut self,
        candidates: &[Candidate],
    ) -> Result<(BTreeMap<QueueKey, Value>, BTreeSet<QueueKey>), MigrateError> {
        let vhosts: BTreeSet<&str> = candidates.iter().map(|one| one.vhost.as_str()).collect();
        let (mut queues, mut exchanges) = (BTreeMap::new(), BTreeSet::new());
        for vhost in vhosts {
            let named = |value: &Value| {
                (vhost.to_owned(), value["name"].as_str().unwrap_or_default().to_owned())
            };
            let found = self.target.find(&["queues", vhost])?;
            let found = found.as_ref().and_then(Value::as_array);
            queues.extend(found.into_iter().flatten().map(|queue| (named(queue), queue.clone())));
            let found = self.target.find(&["exchanges", vhost])?;
            let found = found.as_ref().and_then(Value::as_array);
            exchanges.extend(found.into_iter().flatten().map(named));
        }
        Ok((queues, exchanges))
    }

    /// Takes away the claims that were left because somebody might hold their messages, where nobody does.
    fn end_claims(&mut self, report: &mut Report) -> Result<(), MigrateError> {
        for (key, outcome) in report.outcomes.iter_mut().filter(|(_, outcome)| outcome.has_claim) {
            if report.unacked.contains_key(key) {
                outcome.problem = Some(
                    "messages that are at the target already are held at the source, perhaps by a connection of \
                     a run that is gone (close it), and come back"
                        .to_owned(),
                );
                continue;
            }
            let side = side_name(&key.1);
            self.target.delete(&["queues", &key.0, &side])?;
            self.target.delete(&["exchanges", &key.0, &side])?;
        }
        Ok(())
    }

    /// What consumers of the source hold. The source says it some seconds late, so what is not nothing is looked
    /// at again.
    fn unacked(
        &mut self,
        candidates: &[Candidate],
    ) -> Result<BTreeMap<QueueKey, u64>, MigrateError> {
        let wanted: BTreeSet<QueueKey> = candidates.iter().map(key).collect();
        let mut found = BTreeMap::new();
        for look in 0..UNACKED_LOOKS {
            if look > 0 {
                thread::sleep(UNACKED_PAUSE);
            }
            found.clear();
            for vhost in &self.vhosts {
                for queue in self.source.list(&["queues", vhost])? {
                    let name = queue["name"].as_str().unwrap_or_default();
                    let (key, count) = (
                        (vhost.clone(), name.to_owned()),
                        queue["messages_unacknowledged"].as_u64(),
                    );
                    if let Some(count) = count.filter(|count| *count > 0)
                        && wanted.contains(&key)
                    {
                        found.insert(key, count);
                    }
                }
            }
            if found.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

fn import_path(vhost: Option<&str>) -> String {
    match vhost {
        Some(vhost) => path(&["definitions", vhost]),
        None => path(&["definitions"]),
    }
}

fn add(all: &mut Vec<(&'static str, usize)>, more: &[(&'static str, usize)]) {
    for (kind, count) in more {
        match all.iter_mut().find(|(other, _)| other == kind) {
            Some((_, sum)) => *sum += count,
            None => all.push((kind, *count)),
        }
    }
}

/// RabbitMQ's numbers are five seconds old at most.
const UNACKED_LOOKS: usize = 12;
const UNACKED_PAUSE: Duration = Duration::from_millis(500);

/// `EX_USAGE` and `EX_UNAVAILABLE` of sysexits.h.
const EXIT_USAGE: u8 = 64;
const EXIT_UNAVAILABLE: u8 = 69;

/// As a shell says of a program that SIGINT ended.
const EXIT_INTERRUPTED: u8 = 130;
