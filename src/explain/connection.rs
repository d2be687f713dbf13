//! Why a connection does not move.

use super::broker::{BrokerFacts, alarms, behind};
use super::fault::{self, FaultFacts};
use super::finding::{Finding, sorted};
use super::queue::{ConsumerFacts, Held};
use super::words::{bytes, count, duration};
use crate::base::Millis;

/// How a connection stands.
#[derive(Clone, PartialEq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts, one field each")]
pub struct ConnectionFacts {
    /// The broker as a whole.
    pub broker: BrokerFacts,
    /// What a test has ordered to go wrong, as far as the connection can meet it.
    pub faults: Vec<FaultFacts>,
    /// Whether the connection answered when it was asked; the rest means nothing when it did not.
    pub answered: bool,
    /// Whether `connection.close` was sent and only its answer is waited for.
    pub is_closing: bool,
    /// Whether it ever published: only such connections are held back.
    pub has_published: bool,
    /// Since when it is told that it is blocked.
    pub blocked_since: Option<Millis>,
    /// Whether it is not read until the message log has caught up: it is one of those who fill it.
    pub waits_for_log: bool,
    /// Bytes that the client did not take so far.
    pub unwritten_bytes: u64,
    /// Bytes of that from which on deliveries to it wait, and from which on it is not read.
    pub unwritten_bytes_max: (u64, u64),
    /// Since when it cannot be asked because its client does not read.
    pub choked_since: Option<Millis>,
    /// When something was written last.
    pub wrote_at: Option<Millis>,
    /// When something came in last.
    pub received_at: Option<Millis>,
    /// Seconds between heartbeats; 0 for none.
    pub heartbeat_s: u16,
    /// What it asked of the broker and is not answered yet, and since when.
    pub asked: Option<(String, Millis)>,
    /// Channels that were closed for an error, the last one last.
    pub channel_failures: Vec<ChannelFailure>,
    /// Publishes that wait for a confirm.
    pub unconfirmed: u64,
    /// Publishes and settlements that wait for a commit.
    pub uncommitted: u64,
    /// Its consumers.
    pub consumers: Vec<Consuming>,
    /// How many more there are that were not looked at.
    pub consumers_left_out: usize,
}

/// A channel that the broker closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelFailure {
    /// Its number.
    pub channel: u16,
    /// When.
    pub at: Millis,
    /// What the client was told: `404 NOT_FOUND - no queue …`.
    pub reason: String,
}

/// A consumer of the connection and its queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Consuming {
    /// The queue.
    pub queue: String,
    /// Messages that wait there.
    pub ready: u64,
    /// The consumer.
    pub consumer: ConsumerFacts,
}

/// What is the matter with a connection; empty when nothing is.
#[must_use]
pub fn explain(now: Millis, facts: &ConnectionFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    fault::explain(&facts.faults, facts.blocked_since.is_some(), &mut findings);
    publishing(now, facts, &mut findings);
    if !facts.answered && facts.choked_since.is_some() {
        reading(now, facts, &mut findings);
        return sorted(findings);
    }
    if !facts.answered {
        let cause = "the connection did not say how it stands in time: its session is busy, or it has just ended";
        findings.push(Finding::warning("no-answer", cause, "ask again"));
        return sorted(findings);
    }
    closing(now, facts, &mut findings);
    reading(now, facts, &mut findings);
    heartbeats(now, facts, &mut findings);
    waiting(now, facts, &mut findings);
    for one in &facts.consumers {
        consumer(now, one, &mut findings);
    }
    if facts.consumers_left_out > 0 {
        let more = count(facts.consumers_left_out as u64, "more consumer");
        let cause = format!("{more} of this connection were not looked at");
        findings.push(Finding::info("left-out", cause, "ask for their queues"));
    }
    sorted(findings)
}

fn publishing(now: Millis, facts: &ConnectionFacts, findings: &mut Vec<Finding>) {
    for (_, alarm) in alarms(now, &facts.broker) {
        if facts.blocked_since.is_some() {
            let cause = format!("publishing is blocked: {}", alarm.cause);
            let since = facts.blocked_since.max(alarm.since);
            findings.push(Finding { cause, since, ..alarm });
        } else {
            let cause = format!(
                "this connection has not published; if it does, it will be blocked: {}",
                alarm.cause
            );
            findings.push(Finding::info("would-block", cause, alarm.fix).since(alarm.since));
        }
    }
    if facts.waits_for_log {
        findings.extend(behind(&facts.broker));
    }
}

fn closing(now: Millis, facts: &ConnectionFacts, findings: &mut Vec<Finding>) {
    if facts.is_closing {
        let cause =
            "the broker has closed the connection and waits for the client's connection.close-ok";
        let fix =
            "nothing: it ends by itself within a heartbeat, at most 30 s; the reason is in the log";
        findings.push(Finding::critical("closing", cause, fix));
    }
    for failure in facts.channel_failures.iter().rev() {
        let ChannelFailure { channel, at, reason } = failure;
        let ago = duration(now.since(*at));
        let cause = format!("channel {channel} was closed {ago} ago: {reason}");
        let fix = "mend what the reason names, and open the channel again: a closed channel takes nothing, and \
                   many clients do not say so";
        findings.push(Finding::warning("channel-closed", cause, fix).since(*at));
    }
}

/// The client does not take what is written to it.
fn reading(now: Millis, facts: &ConnectionFacts, findings: &mut Vec<Finding>) {
    let (choked, unread) = facts.unwritten_bytes_max;
    if facts.unwritten_bytes < choked.max(1) && facts.choked_since.is_none() {
        return;
    }
    let (unwritten, began) = (bytes(facts.unwritten_bytes), facts.choked_since.or(facts.wrote_at));
    let since = facts.wrote_at.map_or(String::new(), |at| {
        format!("; the last time that it took something was {} ago", duration(now.since(at)))
    });
    let fix = "look at the client: it is stopped, busy in a callback, or its network is slow; a lower prefetch \
               bounds what is on its way";
    if facts.unwritten_bytes > unread {
        let cause = format!(
            "the client does not read: {unwritten} wait for its socket, which is full, so nothing of what it \
             sends is read either{since}"
        );
        findings.push(Finding::critical("client-not-reading", cause, fix).since(began));
    } else {
        let cause = format!(
            "the client does not keep up: {unwritten} wait for its socket, which is full, so its consumers are \
             given nothing more{since}"
        );
        findings.push(Finding::warning("client-not-reading", cause, fix).since(began));
    }
}

fn heartbeats(now: Millis, facts: &ConnectionFacts, findings: &mut Vec<Finding>) {
    let interval_ms = u64::from(facts.heartbeat_s) * 1000;
    let Some(received_at) = facts.received_at else { return };
    let silent_ms = now.since(received_at);
    // A connection that is held back is not read, and its silence means nothing.
    let is_unread = facts.blocked_since.is_some() || facts.waits_for_log;
    if interval_ms == 0 || silent_ms <= interval_ms || is_unread {
        return;
    }
    let left = duration((2 * interval_ms).saturating_sub(silent_ms));
    let cause = format!(
        "nothing came from the client for {}: its heartbeat is late ({} s were agreed), and the connection is \
         closed in {left} unless it says something",
        duration(silent_ms),
        facts.heartbeat_s
    );
    let fix = "a client whose thread is busy sends no heartbeats: work in another thread, or agree on a longer \
               interval";
    findings.push(Finding::warning("heartbeat-late", cause, fix).since(received_at));
}

fn waiting(now: Millis, facts: &ConnectionFacts, findings: &mut Vec<Finding>) {
    if let Some((asked, since)) = &facts.asked {
        let time = duration(now.since(*since));
        let cause = format!(
            "{asked} is not answered for {time}; nothing behind it is worked off until it is"
        );
        let fix = "a queue that is busy, or a disk that is slow, answers late; look at the disk and at the queue";
        findings.push(Finding::warning("waits-for-answer", cause, fix).since(*since));
    }
    if facts.uncommitted > 0 {
        let cause = format!("{} wait for tx.commit", count(facts.uncommitted, "operation"));
        let fix = "commit or roll back";
        findings.push(Finding::info("uncommitted", cause, fix));
    }
    if facts.unconfirmed > 0 && facts.broker.log != super::LogFacts::None {
        let number = facts.unconfirmed;
        let cause = match number {
            1 => "1 publish waits for its confirm".to_owned(),
            _ => format!("{number} publishes wait for their confirms"),
        };
        let fix = "nothing, as long as the number changes: persistent messages are confirmed when they are on disk";
        findings.push(Finding::info("unconfirmed", cause, fix));
    }
}

fn consumer(now: Millis, one: &Consuming, findings: &mut Vec<Finding>) {
    let Consuming { queue, ready, consumer } = one;
    let name = consumer.name();
    let waiting = count(*ready, "message");
    if consumer.is_full() {
        let cause = format!(
            "consumer {name} of queue '{queue}' is idle because its prefetch is full: it holds {} and {waiting} \
             wait{}",
            consumer.holding(now),
            if *ready == 1 { "s" } else { "" },
        );
        let fix = "acknowledge what was delivered, or raise the prefetch; a consumer that forgets to acknowledge \
                   holds its messages until its channel closes";
        let finding = if *ready > 0 {
            Finding::warning("consumer-at-prefetch", cause, fix)
        } else {
            Finding::info("consumer-at-prefetch", cause, fix)
        };
        return findings.push(finding.since(consumer.newest_at));
    }
    match consumer.held {
        Held::SharedPrefetch(limit) => {
            let cause = format!(
                "consumer {name} of queue '{queue}' is idle because its channel holds as many unacknowledged \
                 messages as basic.qos with global=true allows ({limit}); {waiting} wait"
            );
            let fix = "acknowledge on that channel, or raise the limit";
            findings.push(Finding::warning("shared-prefetch-full", cause, fix));
        }
        Held::Connection => {
            let cause = format!(
                "consumer {name} of queue '{queue}' is given nothing until the client has taken what is on its way"
            );
            let fix = "look at the client: it does not read as fast as messages come";
            findings.push(Finding::warning("consumer-held", cause, fix));
        }
        Held::No if !consumer.active => {
            let cause = format!(
                "consumer {name} of queue '{queue}' stands by: another one is the queue's single active consumer"
            );
            let fix = "nothing: it takes over when the active one leaves";
            findings.push(Finding::info("stands-by", cause, fix));
        }
        Held::No if *ready == 0 => {
            let cause =
                format!("consumer {name} of queue '{queue}' is idle because the queue is empty");
            findings.push(Finding::info("queue-empty", cause, "publish something"));
        }
        Held::No => {}
    }
}
