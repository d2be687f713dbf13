//! What is there, who may do what, and what each method comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern::Pattern;

pub(super) const USERS: [&str; 3] = ["ann", "bob", "u.x"];
pub(super) const VHOSTS: [&str; 2] = ["/", "v.1"];

/// A queue name with what it is declared with: the dead-letter exchange, and whether it is exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct QueueKind {
    pub(super) name: &'static str,
    pub(super) dead_letter: Option<&'static str>,
    pub(super) exclusive: bool,
}

/// An exchange name with what it is declared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ExchangeForm {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) alternate: Option<&'static str>,
    pub(super) internal: bool,
}

const fn queue(name: &'static str, dead: Option<&'static str>, exclusive: bool) -> QueueKind {
    QueueKind { name, dead_letter: dead, exclusive }
}

const fn exchange(
    name: &'static str,
    kind: &'static str,
    alternate: Option<&'static str>,
    internal: bool,
) -> ExchangeForm {
    ExchangeForm { name, kind, alternate, internal }
}

/// A name is always declared in the same way, so that no declare is refused for another reason.
pub(super) const QUEUES: [QueueKind; 6] = [
    queue("q-a", None, false),
    queue("q-b", None, false),
    queue("b-q", Some("x-a"), false),
    queue("a.dead", Some(""), false),
    queue("q-own", None, true),
    queue("amq.queue", None, false),
];

pub(super) const EXCHANGES: [ExchangeForm; 7] = [
    exchange("x-a", "topic", None, false),
    exchange("x-b", "direct", Some("x-a"), false),
    exchange("a-x", "fanout", Some("amq.default"), false),
    exchange("b.in", "topic", None, true),
    exchange("amq.topic", "topic", None, false),
    exchange("amq.own", "direct", None, false),
    exchange("", "direct", None, false),
];

pub(super) const KEYS: [&str; 7] =
    ["a", "a.b", "ann.k", "bob.k", "u.x.k", "v.1.k", "{client_id}.k"];

/// Something that a connection asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    DeclareQueue(QueueKind),
    DeclareQueuePassive(QueueKind),
    DeleteQueue(QueueKind),
    Purge(QueueKind),
    Get(QueueKind),
    Consume(QueueKind),
    DeclareExchange(ExchangeForm),
    DeclareExchangePassive(ExchangeForm),
    DeleteExchange(ExchangeForm),
    BindQueue(QueueKind, ExchangeForm, &'static str),
    UnbindQueue(QueueKind, ExchangeForm, &'static str),
    /// Destination, then source.
    BindExchange(ExchangeForm, ExchangeForm, &'static str),
    UnbindExchange(ExchangeForm, ExchangeForm, &'static str),
    Publish(ExchangeForm, &'static str),
}

/// Who asks: its number, its user, its virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Asker {
    pub(super) connection: usize,
    pub(super) user: &'static str,
    pub(super) vhost: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Right {
    Configure,
    Write,
    Read,
}

/// What stands against a method, as the client is told.
pub(super) type Refusal = String;

#[derive(Default)]
struct Things {
    /// With the connection of an exclusive one.
    queues: BTreeMap<&'static str, Option<usize>>,
    exchanges: BTreeSet<&'static str>,
}

/// See the module.
pub(super) struct Model {
    /// Configure, write, read of a user in a virtual host.
    permissions: BTreeMap<(&'static str, &'static str), [Pattern; 3]>,
    /// Write, read of a user on an exchange in a virtual host.
    topics: BTreeMap<(&'static str, &'static str, &'static str), [Pattern; 2]>,
    vhosts: BTreeMap<&'static str, Things>,
}

impl Model {
    pub(super) fn new() -> Self {
        let vhosts = VHOSTS.map(|vhost| {
            let exchanges = BTreeSet::from(["", "amq.topic"]);
            (vhost, Things { exchanges, ..Things::default() })
        });
        Self {
            permissions: BTreeMap::new(),
            topics: BTreeMap::new(),
            vhosts: BTreeMap::from(vhosts),
        }
    }

    pub(super) fn permit(
        &mut self,
        user: &'static str,
        vhost: &'static str,
        patterns: Option<[Pattern; 3]>,
    ) {
        match patterns {
            Some(patterns) => _ = self.permissions.insert((user, vhost), patterns),
            None => _ = self.permissions.remove(&(user, vhost)),
        }
    }

    pub(super) fn permit_topics(
        &mut self,
        user: &'static str,
        vhost: &'static str,
        exchange: &'static str,
        patterns: [Pattern; 2],
    ) {
        self.topics.insert((user, vhost, exchange), patterns);
    }

    /// Of one exchange, or of all.
    pub(super) fn forget_topics(&mut self, user: &str, vhost: &str, exchange: Option<&str>) {
        self.topics.retain(|(of_user, of_vhost, of_exchange), _| {
            *of_user != user
                || *of_vhost != vhost
                || exchange.is_some_and(|exchange| exchange != *of_exchange)
        });
    }

    pub(super) fn forget_user(&mut self, user: &str) {
        self.permissions.retain(|(other, _), _| *other != user);
        self.topics.retain(|(other, _, _), _| *other != user);
    }

    pub(super) fn may_enter(&self, user: &'static str, vhost: &'static str) -> bool {
        self.permissions.contains_key(&(user, vhost))
    }

    /// Its exclusive queues go with a connection.
    pub(super) fn close(&mut self, connection: usize) {
        for things in self.vhosts.values_mut() {
            things.queues.retain(|_, owner| *owner != Some(connection));
        }
    }

    /// Carries it out, unless something stands against it.
    pub(super) fn ask(&mut self, asker: Asker, ask: Ask) -> Result<(), Refusal> {
        match ask {
            Ask::DeclareQueue(queue) => self.declare_queue(asker, queue),
            Ask::DeclareQueuePassive(queue) => {
                self.need_any(asker, "queue", queue.name)?;
                self.use_queue(asker, queue)
            }
            Ask::DeleteQueue(queue) => {
                self.need(asker, Right::Configure, "queue", queue.name)?;
                if self.things(asker).queues.contains_key(queue.name) {
                    self.use_queue(asker, queue)?;
                }
                self.things_mut(asker).queues.remove(queue.name);
                Ok(())
            }
            Ask::Purge(queue) | Ask::Get(queue) | Ask::Consume(queue) => {
                self.need(asker, Right::Read, "queue", queue.name)?;
                self.use_queue(asker, queue)
            }
            Ask::DeclareExchange(exchange) => self.declare_exchange(asker, exchange),
            Ask::DeclareExchangePassive(exchange) => {
                not_default(exchange.name)?;
                self.need_any(asker, "exchange", exchange.name)?;
                self.find_exchange(asker, exchange.name)
            }
            Ask::DeleteExchange(exchange) => {
                let name = exchange.name;
                not_default(name)?;
                if name.starts_with("amq.") {
                    let vhost = asker.vhost;
                    return refuse(&format!(
                        "deletion of system exchange '{name}' in vhost '{vhost}' not allowed"
                    ));
                }
                self.need(asker, Right::Configure, "exchange", name)?;
                self.things_mut(asker).exchanges.remove(name);
                Ok(())
            }
            Ask::BindQueue(queue, source, key) => {
                self.may_bind(asker, "queue", queue.name, source, key)?;
                self.find_exchange(asker, source.name)?;
                self.use_queue(asker, queue)
            }
            Ask::UnbindQueue(queue, source, key) => {
                self.may_bind(asker, "queue", queue.name, source, key)?;
                let is_there = self.find_exchange(asker, source.name).is_ok()
                    && self.things(asker).queues.contains_key(queue.name);
                if is_there { self.use_queue(asker, queue) } else { Ok(()) }
            }
            Ask::BindExchange(destination, source, key) => {
                self.may_bind(asker, "exchange", destination.name, source, key)?;
                self.find_exchange(asker, source.name)?;
                self.find_exchange(asker, destination.name)
            }
            Ask::UnbindExchange(destination, source, key) => {
                self.may_bind(asker, "exchange", destination.name, source, key)
            }
            Ask::Publish(exchange, key) => self.publish(asker, exchange, key),
        }
    }

    fn declare_queue(&mut self, asker: Asker, queue: QueueKind) -> Result<(), Refusal> {
        let name = queue.name;
        if name.starts_with("amq.") {
            return refuse(&format!("queue name '{name}' contains reserved prefix 'amq.*'"));
        }
        self.need(asker, Right::Configure, "queue", name)?;
        if self.things(asker).queues.contains_key(name) {
            return self.use_queue(asker, queue);
        }
        if let Some(exchange) = queue.dead_letter {
            self.need(asker, Right::Read, "queue", name)?;
            self.need(asker, Right::Write, "exchange", exchange)?;
        }
        let owner = queue.exclusive.then_some(asker.connection);
        self.things_mut(asker).queues.insert(name, owner);
        Ok(())
    }

    fn declare_exchange(&mut self, asker: Asker, exchange: ExchangeForm) -> Result<(), Refusal> {
        let name = exchange.name;
        not_default(name)?;
        self.need(asker, Right::Configure, "exchange", name)?;
        if self.things(asker).exchanges.contains(name) {
            return Ok(());
        }
        if name.starts_with("amq.") {
            return refuse(&format!("exchange name '{name}' contains reserved prefix 'amq.*'"));
        }
        if let Some(alternate) = exchange.alternate {
            self.need(asker, Right::Read, "exchange", name)?;
            self.need(asker, Right::Write, "exchange", alternate)?;
        }
        self.things_mut(asker).exchanges.insert(name);
        Ok(())
    }

    fn may_bind(
        &self,
        asker: Asker,
        kind: &str,
        destination: &str,
        source: ExchangeForm,
        key: &str,
    ) -> Result<(), Refusal> {
        self.need(asker, Right::Write, kind, destination)?;
        if kind == "exchange" {
            not_default(destination)?;
        }
        not_default(source.name)?;
        self.need(asker, Right::Read, "exchange", source.name)?;
        self.need_topic(asker, Right::Read, source, key)
    }

    fn publish(&self, asker: Asker, exchange: ExchangeForm, key: &str) -> Result<(), Refusal> {
        self.need(asker, Right::Write, "exchange", exchange.name)?;
        self.find_exchange(asker, exchange.name)?;
        if exchange.internal {
            let (name, vhost) = (exchange.name, asker.vhost);
            return refuse(&format!(
                "cannot publish to internal exchange '{name}' in vhost '{vhost}'"
            ));
        }
        self.need_topic(asker, Right::Write, exchange, key)
    }

    fn need(&self, asker: Asker, right: Right, kind: &str, name: &str) -> Result<(), Refusal> {
        let Asker { user, vhost, .. } = asker;
        let name = if name.is_empty() { "amq.default" } else { name };
        let patterns = self.permissions.get(&(user, vhost));
        if patterns.is_some_and(|all| all[right as usize].matches(name, user, vhost)) {
            return Ok(());
        }
        let right = format!("{right:?}").to_lowercase();
        refuse(&format!(
            "{right} access to {kind} '{name}' in vhost '{vhost}' refused for user '{user}'"
        ))
    }

    fn need_any(&self, asker: Asker, kind: &str, name: &str) -> Result<(), Refusal> {
        let has = |right| self.need(asker, right, kind, name);
        if has(Right::Write).is_ok() || has(Right::Read).is_ok() {
            return Ok(());
        }
        has(Right::Configure)
    }

    fn need_topic(
        &self,
        asker: Asker,
        right: Right,
        exchange: ExchangeForm,
        key: &str,
    ) -> Result<(), Refusal> {
        let Asker { user, vhost, .. } = asker;
        let name = exchange.name;
        let is_there = self.things(asker).exchanges.contains(name);
        let Some(patterns) = self.topics.get(&(user, vhost, name)) else { return Ok(()) };
        let pattern = if right == Right::Write { patterns[0] } else { patterns[1] };
        if exchange.kind != "topic" || !is_there || pattern.matches(key, user, vhost) {
            return Ok(());
        }
        let right = format!("{right:?}").to_lowercase();
        refuse(&format!(
            "{right} access to topic '{key}' in exchange '{name}' in vhost '{vhost}' refused for \
             user '{user}'"
        ))
    }

    fn find_exchange(&self, asker: Asker, name: &str) -> Result<(), Refusal> {
        if self.things(asker).exchanges.contains(name) {
            return Ok(());
        }
        Err(format!("NOT_FOUND - no exchange '{name}' in vhost '{}'", asker.vhost))
    }

    fn use_queue(&self, asker: Asker, queue: QueueKind) -> Result<(), Refusal> {
        let (name, vhost) = (queue.name, asker.vhost);
        match self.things(asker).queues.get(name) {
            None => Err(format!("NOT_FOUND - no queue '{name}' in vhost '{vhost}'")),
            Some(Some(owner)) if *owner != asker.connection => {
                Err("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    fn things(&self, asker: Asker) -> &Things {
        &self.vhosts[asker.vhost]
    }

    fn things_mut(&mut self, asker: Asker) -> &mut Things {
        self.vhosts.get_mut(asker.vhost).expect("all are there")
    }
}

fn not_default(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return refuse("operation not permitted on the default exchange");
    }
    Ok(())
}

fn refuse(text: &str) -> Result<(), Refusal> {
    Err(format!("ACCESS_REFUSED - {text}"))
}
