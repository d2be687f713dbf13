//! The queues, the exchange and the bindings of a run.

use super::PerfError;
use super::args::{ExchangeKind, Messages};
use super::client::{ANSWER_TIMEOUT, CHANNEL, Client, put_method, unexpected};
use super::reel::Target;
use crate::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr};
use crate::wire::{ExchangeDeclare, Method, QueueBind, QueueDeclare};

/// What a run needs in the broker.
pub(super) struct Topology {
    kind: ExchangeKind,
    exchange: ExchangeName,
    queues: Vec<QueueName>,
    bindings: usize,
    durable: bool,
    arguments: FieldTable,
}

/// What was not there before.
#[derive(Default)]
pub(super) struct Made {
    queues: Vec<QueueName>,
    exchange: Option<ExchangeName>,
}

impl Topology {
    /// `bindings` of `queues` queues; both at least 1.
    pub(super) fn new(
        of: &Messages,
        kind: ExchangeKind,
        queues: usize,
        bindings: usize,
    ) -> Result<Self, PerfError> {
        let name = |n: usize| QueueName::try_from(format!("{}-{n}", of.name).as_str());
        let exchange = match kind {
            ExchangeKind::Default => String::new(),
            _ => format!("{}-{}", of.name, kind_name(kind)),
        };
        Ok(Self {
            kind,
            exchange: ExchangeName::try_from(exchange.as_str())?,
            queues: (1..=queues).map(name).collect::<Result<_, _>>()?,
            bindings,
            durable: of.is_durable(),
            arguments: arguments(&of.arguments)?,
        })
    }

    /// Where producers publish.
    pub(super) fn exchange(&self) -> &ExchangeName {
        &self.exchange
    }

    /// The queues that consumer `index` of `count` consumes: every queue has one, every consumer too.
    pub(super) fn queues_of(&self, index: usize, count: usize) -> Vec<QueueName> {
        share(index, count, self.queues.len()).map(|place| self.queues[place].clone()).collect()
    }

    /// The targets that producer `index` of `count` publishes to in turn.
    pub(super) fn targets_of(&self, index: usize, count: usize) -> Result<Vec<Target>, PerfError> {
        match self.kind {
            ExchangeKind::Default => share(index, count, self.queues.len())
                .map(|place| target(self.queues[place].as_str(), None))
                .collect(),
            ExchangeKind::Fanout => Ok(vec![target("", None)?]),
            ExchangeKind::Direct | ExchangeKind::Topic => {
                share(index, count, self.bindings).map(|n| target(&self.key(n), None)).collect()
            }
            ExchangeKind::Headers => share(index, count, self.bindings)
                .map(|n| target("", Some(FieldTable::new(vec![header(n)?]))))
                .collect(),
        }
    }

    /// How many queues a message reaches.
    pub(super) fn copies(&self) -> u64 {
        if self.kind == ExchangeKind::Fanout { self.queues.len() as u64 } else { 1 }
    }

    /// Declares what is not there, and binds.
    pub(super) fn declare(&self, client: &mut Client) -> Result<Made, PerfError> {
        let mut made = Made::default();
        for queue in &self.queues {
            if !exists(client, queue)? {
                made.queues.push(queue.clone());
            }
            let declare = Method::QueueDeclare(QueueDeclare {
                queue: queue.clone(),
                passive: false,
                durable: self.durable,
                exclusive: false,
                auto_delete: false,
                nowait: false,
                arguments: self.arguments.clone(),
            });
            match client.call(&declare, DECLARING)? {
                Method::QueueDeclareOk { .. } => {}
                other => return Err(unexpected(&other)),
            }
        }
        if self.kind != ExchangeKind::Default {
            made.exchange = Some(self.exchange.clone());
            self.declare_exchange(client)?;
            self.bind(client)?;
        }
        Ok(made)
    }

    fn declare_exchange(&self, client: &mut Client) -> Result<(), PerfError> {
        // One of an earlier run may be of another kind and has other bindings.
        let exchange = self.exchange.clone();
        let delete = Method::ExchangeDelete { exchange, if_unused: false, nowait: false };
        match client.call(&delete, DECLARING)? {
            Method::ExchangeDeleteOk => {}
            other => return Err(unexpected(&other)),
        }
        let declare = Method::ExchangeDeclare(ExchangeDeclare {
            exchange: self.exchange.clone(),
            kind: ShortStr::try_from(kind_name(self.kind))?,
            passive: false,
            durable: self.durable,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        match client.call(&declare, DECLARING)? {
            Method::ExchangeDeclareOk => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Many at a time: one answer for the last of a batch says that all of it was done.
    fn bind(&self, client: &mut Client) -> Result<(), PerfError> {
        let mut output = Vec::new();
        for n in 0..self.bindings {
            let queue = self.queues[n % self.queues.len()].clone();
            let is_last = (n + 1) % BIND_BATCH == 0 || n + 1 == self.bindings;
            let bind = Method::QueueBind(QueueBind {
                queue,
                exchange: self.exchange.clone(),
                routing_key: self.pattern(n)?,
                nowait: !is_last,
                arguments: self.binding_arguments(n)?,
            });
            if !is_last {
                put_method(CHANNEL, &bind, &mut output);
                continue;
            }
            client.send(&output, BINDING)?;
            output.clear();
            match client.call(&bind, BINDING)? {
                Method::QueueBindOk => {}
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    fn key(&self, n: usize) -> String {
        match self.kind {
            ExchangeKind::Topic => format!("region{}.user{n}.created", n % 50),
            _ => format!("key.{n}"),
        }
    }

    fn pattern(&self, n: usize) -> Result<ShortStr, PerfError> {
        Ok(match self.kind {
            ExchangeKind::Default | ExchangeKind::Fanout | ExchangeKind::Headers => ShortStr::EMPTY,
            ExchangeKind::Direct => ShortStr::try_from(self.key(n).as_str())?,
            ExchangeKind::Topic => ShortStr::try_from(format!("*.user{n}.#").as_str())?,
        })
    }

    fn binding_arguments(&self, n: usize) -> Result<FieldTable, PerfError> {
        if self.kind != ExchangeKind::Headers {
            return Ok(FieldTable::EMPTY);
        }
        let all = (ShortStr::try_from("x-match")?, FieldValue::text("all"));
        Ok(FieldTable::new(vec![all, header(n)?]))
    }
}

impl Made {
    /// Whether there was none of these queues before.
    pub(super) fn has_queues(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Deletes what was made unless it is to be kept, also after a run that failed, whose error then is
    /// the one to show.
    pub(super) fn clean_up<T>(
        self,
        client: &mut Client,
        keep: bool,
        outcome: Result<T, PerfError>,
    ) -> Result<T, PerfError> {
        let cleaned = if keep { Ok(()) } else { self.delete(client) };
        let outcome = outcome?;
        cleaned.map(|()| outcome)
    }

    fn delete(self, client: &mut Client) -> Result<(), PerfError> {
        for queue in self.queues {
            delete_queue(client, queue)?;
        }
        if let Some(exchange) = self.exchange {
            let delete = Method::ExchangeDelete { exchange, if_unused: false, nowait: false };
            match client.call(&delete, CLEANING)? {
                Method::ExchangeDeleteOk => {}
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }
}

fn delete_queue(client: &mut Client, queue: QueueName) -> Result<(), PerfError> {
    let delete = Method::QueueDelete { queue, if_unused: false, if_empty: false, nowait: false };
    match client.call(&delete, CLEANING)? {
        Method::QueueDeleteOk { .. } => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// A passive declare; its refusal costs the channel, which is opened again.
fn exists(client: &mut Client, queue: &QueueName) -> Result<bool, PerfError> {
    let ask = Method::QueueDeclare(QueueDeclare {
        queue: queue.clone(),
        passive: true,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::EMPTY,
    });
    match client.call(&ask, DECLARING) {
        Ok(_) => Ok(true),
        Err(PerfError::Closed { what: "channel", code: 404, .. }) => {
            client.open_channel(CHANNEL)?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Which of `things` belong to member `index` of `members`: with fewer members than things, each thing has
/// one member; otherwise each member has one thing.
fn share(index: usize, members: usize, things: usize) -> impl Iterator<Item = usize> {
    let first = index % things;
    (first..things).step_by(if members < things { members } else { things })
}

fn target(routing_key: &str, headers: Option<FieldTable>) -> Result<Target, PerfError> {
    Ok(Target { routing_key: ShortStr::try_from(routing_key)?, headers })
}

fn header(n: usize) -> Result<(ShortStr, FieldValue), PerfError> {
    // Bindings are counted in thousands.
    let value = FieldValue::I64(i64::try_from(n).unwrap_or(i64::MAX));
    Ok((ShortStr::try_from("number")?, value))
}

fn kind_name(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Default | ExchangeKind::Direct => "direct",
        ExchangeKind::Fanout => "fanout",
        ExchangeKind::Topic => "topic",
        ExchangeKind::Headers => "headers",
    }
}

/// `key=value` to arguments: whole numbers and true and false as such, everything else as text.
fn arguments(given: &[String]) -> Result<FieldTable, PerfError> {
    let mut table = FieldTable::EMPTY;
    for pair in given {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(PerfError::Option(format!(
                "--argument '{pair}': expected KEY=VALUE, x-max-length=1000 for instance"
            )));
        };
        let value = match (value, value.parse()) {
            ("true", _) => FieldValue::Boolean(true),
            ("false", _) => FieldValue::Boolean(false),
            (_, Ok(number)) => FieldValue::I64(number),
            (text, Err(_)) => FieldValue::text(text),
        };
        table.push(ShortStr::try_from(key)?, value);
    }
    Ok(table)
}

const DECLARING: &str = "declaring queues and exchange";
const BINDING: &str = "binding";
const CLEANING: &str = "deleting what this run made";

/// Bindings per answer: an answer is waited for up to [`ANSWER_TIMEOUT`].
const BIND_BATCH: usize = 1_000;
const _: () = assert!(ANSWER_TIMEOUT.as_secs() >= 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(members: usize, things: usize) -> Vec<Vec<usize>> {
        (0..members).map(|index| share(index, members, things).collect()).collect()
    }

    #[test]
    fn every_queue_has_a_connection_and_every_connection_a_queue() {
        assert_eq!(shares(1, 3), [[0, 1, 2]]);
        assert_eq!(shares(2, 3), [vec![0, 2], vec![1]]);
        assert_eq!(shares(3, 3), [[0], [1], [2]]);
        assert_eq!(shares(4, 3), [[0], [1], [2], [0]]);
        assert_eq!(shares(3, 1), [[0], [0], [0]]);
    }

    #[test]
    fn arguments_have_the_type_of_their_text() {
        let given =
            ["x-max-length=10", "x-single-active-consumer=true", "x-overflow=reject-publish"];
        let table = arguments(&given.map(str::to_owned)).expect("good arguments");
        assert_eq!(table.get(b"x-max-length"), Some(&FieldValue::I64(10)));
        assert_eq!(table.get(b"x-single-active-consumer"), Some(&FieldValue::Boolean(true)));
        assert_eq!(table.get(b"x-overflow"), Some(&FieldValue::text("reject-publish")));
        let error = arguments(&["x".to_owned()]).expect_err("no value").to_string();
        assert!(error.contains("KEY=VALUE"), "{error}");
    }
}
