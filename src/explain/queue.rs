//! Why a queue grows, stands, or loses messages.

use super::broker::{BrokerFacts, LogFacts, alarms, behind};
use super::fault::{self, FaultFacts};
use super::finding::{Finding, sorted};
use super::vanishing::VanishedFacts;
use super::words::{bytes, count, duration, rate};
use crate::base::Millis;

/// How a queue stands.
#[derive(Clone, PartialEq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts, one field each")]
pub struct QueueFacts {
    /// The broker as a whole.
    pub broker: BrokerFacts,
    /// What a test has ordered to go wrong, as far as the queue's messages can meet it.
    pub faults: Vec<FaultFacts>,
    /// Messages that wait.
    pub ready: u64,
    /// Messages that were handed out and not settled.
    pub unacknowledged: u64,
    /// When the oldest waiting message came.
    pub oldest_ready: Option<OldestReady>,
    /// When the head expires.
    pub head_expires: Option<Millis>,
    /// Messages that wait for their moment, and the first of these moments.
    pub delayed: Option<(u64, Option<Millis>)>,
    /// Dead letters that have not arrived yet.
    pub departing: u64,
    /// Who consumes.
    pub consumers: Vec<ConsumerFacts>,
    /// Messages that were fetched, or whose consumer has left, and the oldest hand-out.
    pub unowned: Option<(u64, Millis)>,
    /// Whether one consumer at a time is given messages.
    pub single_active: bool,
    /// Whether it belongs to one connection.
    pub is_exclusive: bool,
    /// Traffic by the second; `None` before there are two samples.
    pub rates: Option<Rates>,
    /// Consumers that were cancelled because they did not acknowledge in time, and the last such moment.
    pub timed_out: Option<(u64, Millis)>,
    /// Waiting messages that are in no list in RAM.
    pub away: u64,
    /// Bytes of messages whose content lies on disk only, and of those in RAM.
    pub disk_bytes: u64,
    /// See `disk_bytes`.
    pub ram_bytes: u64,
    /// Publishes that wait for the disk.
    pub waiting_for_disk: u64,
    /// Whether messages are being paged in and somebody waits for them.
    pub waits_for_page: bool,
    /// What is gone.
    pub vanished: VanishedFacts,
    /// Whether it broke an invariant of its own.
    pub is_crashed: bool,
}

/// When the oldest waiting message came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OldestReady {
    /// The moment.
    pub at: Millis,
    /// It was there before that moment, when the broker started.
    pub or_before: bool,
}

/// Messages by the second.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Rates {
    /// Came in.
    pub publish: f64,
    /// Were handed out, whichever way.
    pub deliver: f64,
    /// Were acknowledged.
    pub ack: f64,
    /// By how much the waiting messages grow.
    pub growth: f64,
}

/// A consumer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumerFacts {
    /// Its tag.
    pub tag: String,
    /// Its channel, as RabbitMQ names it; empty when its connection is gone.
    pub channel: String,
    /// Whether what it is given must be settled.
    pub ack_required: bool,
    /// How many it may hold; 0 for no limit.
    pub prefetch: u32,
    /// How many it holds.
    pub unacknowledged: u32,
    /// When the oldest of them was handed out.
    pub oldest_at: Option<Millis>,
    /// When the newest was.
    pub newest_at: Option<Millis>,
    /// Whether it is given messages: not when another one is the single active consumer.
    pub active: bool,
    /// Whether it is alone.
    pub exclusive: bool,
    /// What holds it back besides its prefetch.
    pub held: Held,
    /// How long it may take to settle a message, in ms.
    pub timeout_ms: Option<u64>,
}

/// What holds a consumer back besides its prefetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Held {
    /// Nothing.
    #[default]
    No,
    /// Its connection takes nothing more for now.
    Connection,
    /// The credit that its channel's consumers share is used up: so many messages.
    SharedPrefetch(u32),
}

impl ConsumerFacts {
    /// Whether it holds as much as it may.
    pub(super) fn is_full(&self) -> bool {
        self.ack_required && self.prefetch > 0 && self.unacknowledged >= self.prefetch
    }

    /// `'tag' (channel)`.
    pub(super) fn name(&self) -> String {
        match self.channel.as_str() {
            "" => format!("'{}'", self.tag),
            channel => format!("'{}' ({channel})", self.tag),
        }
    }

    /// `10 of 10 unacknowledged messages, the oldest for 3 min 20 s`.
    pub(super) fn holding(&self, now: Millis) -> String {
        let held = self.unacknowledged;
        let of = if self.prefetch > 0 { format!(" of {}", self.prefetch) } else { String::new() };
        let age = self
            .oldest_at
            .map_or(String::new(), |at| format!(", the oldest for {}", duration(now.since(at))));
        format!("{held}{of} unacknowledged messages{age}")
    }
}

/// What is the matter with a queue; empty when nothing is.
#[must_use]
pub fn explain(now: Millis, facts: &QueueFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.is_crashed {
        let cause =
            "the queue broke an invariant of its own and takes and answers nothing any more";
        let fix = "restart the broker: the message log still has its durable messages; or delete the queue. Please \
                   report what the log says";
        return vec![Finding::critical("crashed", cause, fix)];
    }
    fault::explain(&facts.faults, false, &mut findings);
    if facts.ready > 0 {
        standing(now, facts, &mut findings);
    }
    time_outs(now, facts, &mut findings);
    waiting(now, facts, &mut findings);
    facts.vanished.explain(&mut findings);
    disk(now, facts, &mut findings);
    sorted(findings)
}

/// Why what waits is not handed out.
fn standing(now: Millis, facts: &QueueFacts, findings: &mut Vec<Finding>) {
    let age = facts.oldest_ready.map_or(String::new(), |oldest| {
        let than = if oldest.or_before { "more than " } else { "" };
        format!(", the oldest for {than}{}", duration(now.since(oldest.at)))
    });
    let waiting = format!("{} wait{}{age}", count(facts.ready, "message"), plural(facts.ready));
    let since = facts.oldest_ready.map(|oldest| oldest.at);
    let able: Vec<&ConsumerFacts> = facts.consumers.iter().filter(|one| one.active).collect();
    if facts.consumers.is_empty() {
        let (whose, fix) = if facts.is_exclusive {
            (
                "the connection that owns this exclusive queue",
                "consume on that connection: nobody else may",
            )
        } else {
            ("nobody", "start a consumer, or purge or delete the queue if nobody is to come")
        };
        let cause = format!(
            "{waiting}, and {whose} consumes{}",
            if facts.is_exclusive { " nothing" } else { "" }
        );
        return findings.push(Finding::warning("no-consumer", cause, fix).since(since));
    }
    if facts.single_active && able.iter().all(|one| one.is_full() || one.held != Held::No) {
        return findings.push(single_active(now, facts, &able, &waiting));
    }
    if able.iter().all(|one| one.is_full()) {
        return findings.push(all_full(now, &able, &waiting));
    }
    if able.iter().all(|one| one.is_full() || one.held != Held::No) {
        return findings.push(all_held(&able, &waiting));
    }
    if let Some(rates) = facts.rates.filter(|rates| rates.growth > 0.0) {
        let out = if able.iter().any(|one| one.ack_required) { rates.ack } else { rates.deliver };
        let cause = format!(
            "{waiting}: {} come in and {} are worked off by {}, so the queue grows by {}",
            rate(rates.publish),
            rate(out),
            count(able.len() as u64, "consumer"),
            rate(rates.growth),
        );
        let fix = "more consumers, a higher prefetch, or faster work for each message";
        findings.push(Finding::warning("consumers-slower", cause, fix).since(since));
    } else {
        let cause = format!("{waiting}; consumers are being given them");
        findings.push(Finding::info("draining", cause, "nothing").since(since));
    }
    if able.iter().any(|one| one.exclusive) {
        let cause = "the only consumer is exclusive: no other may join it";
        let fix = "consume without `exclusive`, or use a single active consumer (x-single-active-consumer)";
        findings.push(Finding::info("exclusive-consumer", cause, fix));
    }
}

fn single_active(
    now: Millis,
    facts: &QueueFacts,
    able: &[&ConsumerFacts],
    waiting: &str,
) -> Finding {
    let others = facts.consumers.len().saturating_sub(able.len()) as u64;
    let (who, since) = match able.first() {
        Some(active) => {
            let what = match active.held {
                _ if active.is_full() => format!("holds {}", active.holding(now)),
                Held::SharedPrefetch(limit) => {
                    format!("may hold no more than the {limit} messages of its channel")
                }
                Held::Connection | Held::No => "does not take what is on its way to it".to_owned(),
            };
            (format!("the single active consumer {} {what}", active.name()), active.newest_at)
        }
        None => ("no consumer is active".to_owned(), None),
    };
    let stand_by = match others {
        0 => "no other stands by".to_owned(),
        1 => "1 other stands by and is given nothing".to_owned(),
        _ => format!("{others} others stand by and are given nothing"),
    };
    let cause = format!("{waiting}: {who}; {stand_by}");
    let fix =
        "let it acknowledge, or close its channel: the next one takes over and gets what it holds";
    Finding::warning("single-active-stuck", cause, fix).since(since)
}

fn all_full(now: Millis, able: &[&ConsumerFacts], waiting: &str) -> Finding {
    // The one that holds a message longest is where to look first.
    let slowest = able.iter().min_by_key(|one| one.oldest_at.map_or(u64::MAX, |at| at.0));
    let who =
        slowest.map_or(String::new(), |one| format!("{} holds {}", one.name(), one.holding(now)));
    let since = able.iter().filter_map(|one| one.newest_at).max();
    let cause = match able.len() {
        1 => format!("{waiting}: the only consumer holds as much as its prefetch allows; {who}"),
        many => {
            format!("{waiting}: all {many} consumers hold as much as their prefetch allows; {who}")
        }
    };
    let fix = "acknowledge what was delivered, raise the prefetch, or add consumers";
    Finding::warning("all-at-prefetch", cause, fix).since(since)
}

fn all_held(able: &[&ConsumerFacts], waiting: &str) -> Finding {
    let number = |held: fn(Held) -> bool| able.iter().filter(|one| held(one.held)).count();
    let slow = number(|held| held == Held::Connection);
    let shared = number(|held| matches!(held, Held::SharedPrefetch(_)));
    let full = able.iter().filter(|one| one.is_full()).count();
    let parts: Vec<String> = [
        (slow, "does not take what is on its way to it"),
        (shared, "is at the limit that its channel's consumers share"),
        (full, "is at its prefetch"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    let cause = format!("{waiting}: of {} consumers {}", able.len(), parts.join(", "));
    let fix = "look at those clients: each shows why on its connection";
    Finding::warning("consumers-held", cause, fix)
}

fn time_outs(now: Millis, facts: &QueueFacts, findings: &mut Vec<Finding>) {
    if let Some((number, last)) = facts.timed_out {
        let ago = duration(now.since(last));
        let who = match number {
            1 => "1 consumer was".to_owned(),
            _ => format!("{number} consumers were"),
        };
        let cause = format!(
            "{who} cancelled because a message was not acknowledged within the consumer time-out, the last one \
             {ago} ago; what they held came back"
        );
        let fix = "acknowledge in time, or raise x-consumer-timeout (or consumer_timeout)";
        findings.push(Finding::warning("consumer-timed-out", cause, fix).since(last));
    }
    for one in &facts.consumers {
        let (Some(timeout), Some(oldest)) = (one.timeout_ms, one.oldest_at) else { continue };
        let age = now.since(oldest);
        if age * 2 < timeout {
            continue;
        }
        let left = duration(timeout.saturating_sub(age));
        let cause = format!(
            "consumer {} holds a message for {} and is cancelled in {left} if it does not acknowledge it (the \
             time-out is {})",
            one.name(),
            duration(age),
            duration(timeout)
        );
        let fix = "acknowledge it, or raise x-consumer-timeout (or consumer_timeout)";
        findings.push(Finding::warning("consumer-timeout-near", cause, fix).since(oldest));
    }
}

/// Messages that are there and cannot be handed out now, whoever comes.
fn waiting(now: Millis, facts: &QueueFacts, findings: &mut Vec<Finding>) {
    if let Some((number, due)) = facts.delayed {
        let when = due.map_or(String::new(), |at| {
            format!("; the first is ready in {}", duration(at.since(now)))
        });
        let cause = format!(
            "{} wait{} before the next attempt (delayed retry){when}",
            count(number, "message"),
            plural(number)
        );
        findings.push(
            Finding::info("delayed", cause, "nothing, or a shorter x-delayed-retry-min")
                .since(None),
        );
    }
    if let Some(at) = facts.head_expires.filter(|at| *at > now) {
        let cause = format!("the message at the head expires in {}", duration(at.since(now)));
        findings.push(Finding::info(
            "head-expires",
            cause,
            "consume it before, or allow more time",
        ));
    }
    if let Some((number, oldest)) = facts.unowned {
        let cause = format!(
            "{} {} held by a channel that fetched {} or whose consumer has left, the oldest for {}",
            count(number, "message"),
            if number == 1 { "is" } else { "are" },
            if number == 1 { "it" } else { "them" },
            duration(now.since(oldest))
        );
        let fix = "acknowledge them, or close that channel: they come back then";
        findings.push(Finding::info("held-without-consumer", cause, fix).since(oldest));
    }
    if facts.departing > 0 {
        let cause = format!(
            "{} {} on {} way to the dead-letter exchange and not confirmed there yet",
            count(facts.departing, "message"),
            if facts.departing == 1 { "is" } else { "are" },
            if facts.departing == 1 { "its" } else { "their" },
        );
        let fix =
            "nothing, as long as the number changes; else look at the queues behind that exchange";
        findings.push(Finding::info("dead-letters-leaving", cause, fix));
    }
}

fn disk(now: Millis, facts: &QueueFacts, findings: &mut Vec<Finding>) {
    for (_, alarm) in alarms(now, &facts.broker) {
        let cause = format!("publishers are blocked: {}", alarm.cause);
        findings.push(Finding { cause, ..alarm });
    }
    findings.extend(behind(&facts.broker));
    if facts.away > 0 || facts.disk_bytes > 0 {
        let (disk, ram) = (bytes(facts.disk_bytes), bytes(facts.ram_bytes));
        let away = match facts.away {
            0 => "all have a place in RAM".to_owned(),
            away => format!("{away} of them have no place in RAM"),
        };
        let cause = format!(
            "the queue is long, so bodies of {disk} lie on disk only and {ram} are in RAM; {away}. Messages come \
             back in pages when somebody takes them"
        );
        findings.push(Finding::info("on-disk", cause, "nothing: that keeps memory small"));
    }
    if facts.waits_for_page {
        let cause = "messages are being read back from disk, and what was asked for waits for them";
        findings.push(Finding::info(
            "paging-in",
            cause,
            "nothing; a disk that fails is in the log of the broker",
        ));
    }
    if facts.waiting_for_disk > 0 && facts.broker.log != LogFacts::None {
        let cause = match &facts.broker.log {
            LogFacts::Full => {
                format!("{} for the disk, which is full", publishes(facts.waiting_for_disk))
            }
            LogFacts::Failed(reason) => format!(
                "{} for a message log that failed and confirms nothing any more: {reason}",
                publishes(facts.waiting_for_disk)
            ),
            _ => format!(
                "{} for the disk before they are confirmed",
                publishes(facts.waiting_for_disk)
            ),
        };
        let finding = match &facts.broker.log {
            LogFacts::Full | LogFacts::Failed(_) => {
                Finding::critical("waits-for-disk", cause, "make room on the disk, or mend it")
            }
            _ => Finding::info("waits-for-disk", cause, "nothing, as long as the number changes"),
        };
        findings.push(finding);
    }
}

fn publishes(number: u64) -> String {
    if number == 1 { "1 publish waits".to_owned() } else { format!("{number} publishes wait") }
}

/// The end of a verb: one waits, two wait.
fn plural(number: u64) -> &'static str {
    if number == 1 { "s" } else { "" }
}
