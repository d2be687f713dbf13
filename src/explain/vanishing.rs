//! Where the messages of a queue went that nobody consumed.

use super::finding::Finding;
use super::words::{count, duration};

/// What a queue gave up since the broker runs, and what makes it do so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VanishedFacts {
    /// Dropped because they waited too long.
    pub expired: u64,
    /// Dropped because the queue was longer than it may be.
    pub max_length: u64,
    /// Dropped because a consumer rejected them.
    pub rejected: u64,
    /// Dropped because their attempts failed too often.
    pub delivery_limit: u64,
    /// Never taken because the queue was full, while nobody waited for a confirm.
    pub refused: u64,
    /// Cannot be read back from disk.
    pub lost: u64,
    /// Dropped as duplicates.
    pub duplicates: u64,
    /// The dead-letter exchange, when there is one.
    pub dead_letter_exchange: Option<String>,
    /// Dead letters that were dropped because there is no such exchange.
    pub no_exchange: u64,
    /// Because it led to no queue.
    pub unroutable: u64,
    /// Because they went in a circle.
    pub circling: u64,
    /// Because a queue did not take them.
    pub not_taken: u64,
    /// Because they could not be read from disk.
    pub unreadable: u64,
    /// The time to live that the queue gives its messages, in ms.
    pub ttl_ms: Option<u64>,
    /// The limits in force, as text: `max-length 100`.
    pub limits: String,
}

const DEAD_LETTER: &str =
    "set a dead-letter exchange (x-dead-letter-exchange or a policy) to keep them";

impl VanishedFacts {
    /// What vanished, and why.
    pub(super) fn explain(&self, findings: &mut Vec<Finding>) {
        self.dropped(findings);
        self.dead_letters(findings);
        if self.lost > 0 {
            let cause = format!(
                "{} cannot be read back from disk: damaged, or gone from the message log",
                count(self.lost, "message")
            );
            let fix = "look at the disk; the log of the broker names each, and `haremq store check` the damage";
            findings.push(Finding::critical("messages-lost", cause, fix));
        }
    }

    fn dropped(&self, findings: &mut Vec<Finding>) {
        let ttl = self.ttl_ms.map_or_else(
            || "their own expiration".to_owned(),
            |ms| format!("the time to live of the queue, {}", duration(ms)),
        );
        for (number, name, why, fix) in [
            (
                self.expired,
                "dropped-expired",
                format!("dropped because they waited longer than {ttl}"),
                format!("consume faster, allow more time, or {DEAD_LETTER}"),
            ),
            (
                self.max_length,
                "dropped-max-length",
                format!("dropped from the head because the queue was full ({})", self.limits),
                format!(
                    "consume faster, allow more, refuse publishes instead (x-overflow: reject-publish), or {DEAD_LETTER}"
                ),
            ),
            (
                self.rejected,
                "dropped-rejected",
                "rejected by consumers without requeue, and dropped".to_owned(),
                DEAD_LETTER.to_owned(),
            ),
            (
                self.delivery_limit,
                "dropped-delivery-limit",
                "dropped because they failed more often than the delivery limit allows".to_owned(),
                format!(
                    "look at what the consumer does with them, raise the limit, or {DEAD_LETTER}"
                ),
            ),
            (
                self.refused,
                "refused-full",
                format!(
                    "refused because the queue was full ({}), and their publishers did not ask for confirms",
                    self.limits
                ),
                "publish with confirms: a refused publish is told then".to_owned(),
            ),
            (
                self.duplicates,
                "dropped-duplicates",
                "dropped as duplicates of earlier ones".to_owned(),
                "nothing, if that is wanted".to_owned(),
            ),
        ] {
            if number > 0 {
                let verb = if number == 1 { "was" } else { "were" };
                let cause = format!("{} {verb} {why}", count(number, "message"));
                findings.push(if name == "dropped-duplicates" {
                    Finding::info(name, cause, fix)
                } else {
                    Finding::warning(name, cause, fix)
                });
            }
        }
    }

    fn dead_letters(&self, findings: &mut Vec<Finding>) {
        let exchange = self.dead_letter_exchange.as_deref().unwrap_or("");
        for (number, name, why, fix) in [
            (
                self.no_exchange,
                "dead-letter-no-exchange",
                format!("because the dead-letter exchange '{exchange}' does not exist"),
                "declare it",
            ),
            (
                self.unroutable,
                "dead-letter-unroutable",
                format!(
                    "because the dead-letter exchange '{exchange}' leads to no queue with their routing key"
                ),
                "bind a queue to it; x-dead-letter-routing-key changes the key; `route` on the page of the exchange explains where a key leads",
            ),
            (
                self.circling,
                "dead-letter-circle",
                "because they came back to a queue without having been rejected".to_owned(),
                "break the circle of dead-letter exchanges, or reject on the way",
            ),
            (
                self.not_taken,
                "dead-letter-refused",
                "because a queue that they were sent to was full".to_owned(),
                "drain that queue, or let it drop its head",
            ),
            (
                self.unreadable,
                "dead-letter-unreadable",
                "because they could not be read from disk".to_owned(),
                "look at the disk; the log of the broker names each",
            ),
        ] {
            if number > 0 {
                let cause = format!(
                    "{} lost {why}",
                    match number {
                        1 => "1 dead letter was".to_owned(),
                        _ => format!("{number} dead letters were"),
                    }
                );
                findings.push(Finding::critical(name, cause, fix));
            }
        }
    }
}
