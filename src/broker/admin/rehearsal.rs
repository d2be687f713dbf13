//! A rehearsal of many changes on a stage that has what the broker has, and no messages: what goes wrong
//! is found before anything is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::users::{everything_in_vhost, everything_of_user};
use super::vhosts::VhostError;
use crate::base::{QueueName, UserName, VhostName};
use crate::broker::notices::{EVENT_EXCHANGE, home_exchange};
use crate::broker::policy::PolicyKind;
use crate::broker::{
    Accounts, Broker, DeclareQueue, NodeLimits, Seeds, Vhost, arguments, limits, records,
};
use crate::routing::{Binding, Destination, ExchangeKind, Table};
use crate::store::{self, Change};

/// See the module.
pub struct Rehearsal {
    accounts: Accounts,
    vhosts: BTreeMap<VhostName, Stage>,
    stored: Vec<Change>,
    /// What new virtual hosts were given.
    seeded: Vec<Change>,
    seeds: Seeds,
    limits: NodeLimits,
}

/// A virtual host.
#[derive(Default)]
struct Stage {
    table: Table<StagedQueue>,
    queues_max: Option<usize>,
    /// It, when it was there before.
    live: Option<Arc<Vhost>>,
}

#[derive(Clone, Copy)]
struct StagedQueue {
    stored: bool,
    quorum: bool,
}

impl Rehearsal {
    /// On an empty broker, which has the virtual host `/` and perhaps another one.
    #[must_use]
    pub fn on_nothing(vhost: Option<&VhostName>) -> Self {
        let default = VhostName::parse(b"/").ok();
        let vhosts = default.into_iter().chain(vhost.cloned());
        let stage = |name| {
            let mut stage = Stage::default();
            // A broker that begins has it as well, and RabbitMQ's definitions may have bindings from it.
            let events = home_exchange(EVENT_EXCHANGE);
            let _ = events.map(|exchange| stage.table.declare_exchange(exchange));
            (name, stage)
        };
        let vhosts = vhosts.map(stage).collect();
        Self {
            accounts: Accounts::default(),
            vhosts,
            stored: Vec::new(),
            seeded: Vec::new(),
            seeds: Seeds::default(),
            limits: NodeLimits::default(),
        }
    }

    /// On a broker as it is now.
    #[must_use]
    pub fn on(broker: &Broker) -> Self {
        let accounts = broker.accounts(Accounts::clone);
        let stage = |vhost: Arc<Vhost>| {
            let queues_max = broker.vhost_limits(vhost.name()).max_queues;
            (vhost.name().clone(), Stage::of(vhost, queues_max))
        };
        let vhosts = broker.all_vhosts().into_iter().map(stage).collect();
        let (seeds, limits) = (broker.seeds.clone(), broker.node_limits());
        Self { accounts, vhosts, stored: Vec::new(), seeded: Vec::new(), seeds, limits }
    }

    /// Goes through the changes in their order.
    ///
    /// # Errors
    /// The number of the first change that cannot be made, from 0, and why.
    pub fn go_through(&mut self, changes: &[Change]) -> Result<(), (usize, String)> {
        for (number, change) in changes.iter().enumerate() {
            self.step(change).map_err(|why| (number, why))?;
        }
        Ok(())
    }

    /// What a disk must be told of all that: what ends with the process is left out, and what goes with
    /// something that is deleted is there. And what new virtual hosts were given, which is in it, too.
    pub(super) fn into_stored(self) -> (Vec<Change>, Vec<Change>) {
        (self.stored, self.seeded)
    }

    fn step(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::PutVhost(record) => self.put_vhost(&record.name, change),
            Change::DeleteVhost { name } => self.delete_vhost(name),
            Change::DeleteUser { name } => {
                let everything = everything_of_user(&self.accounts, name);
                everything.iter().try_for_each(|change| self.account(change))
            }
            Change::PutPermission(store::Permission { vhost, .. })
            | Change::PutTopicPermission(store::TopicPermission { vhost, .. })
            | Change::PutParameter(store::Parameter { vhost, .. }) => {
                self.stage(vhost)?;
                self.account(change)
            }
            Change::PutUser(_)
            | Change::DeletePermission { .. }
            | Change::DeleteTopicPermission { .. }
            | Change::DeleteParameter { .. }
            | Change::PutGlobalParameter(_)
            | Change::DeleteGlobalParameter { .. } => self.account(change),
            Change::PutPolicy(record) => self.policy(PolicyKind::User, record, change),
            Change::PutOperatorPolicy(record) => {
                self.policy(PolicyKind::Operator, &record.0, change)
            }
            Change::PutExchange(record) => self.exchange(record, change),
            Change::PutQueue(record) => self.queue(record, change),
            Change::PutBinding(record) => self.binding(record, change),
            Change::PutVhostLimits(_)
            | Change::DeleteVhostLimits { .. }
            | Change::PutUserLimits(_)
            | Change::DeleteExchange { .. }
            | Change::DeleteQueue { .. }
            | Change::DeleteBinding(_)
            | Change::DeleteBindingsOf(_)
            | Change::DeletePolicy { .. }
            | Change::DeleteOperatorPolicy { .. }
            | Change::DeleteUserLimits { .. } => {
                self.on_stage(change)?;
                self.keep(change);
                Ok(())
            }
        }
    }

    fn put_vhost(&mut self, name: &VhostName, change: &Change) -> Result<(), String> {
        if self.vhosts.contains_key(name) {
            return self.account(change);
        }
        if let Some(most) = self.limits.max_vhosts.filter(|most| self.vhosts.len() >= *most) {
            return Err(VhostError::TooMany { name: name.clone(), most }.to_string());
        }
        self.vhosts.insert(name.clone(), Stage::default());
        self.account(change)?;
        let is_there = |user: &UserName| self.accounts.directory().user(user).is_some();
        let seeded = self.seeds.of(name, is_there);
        seeded.iter().try_for_each(|change| self.step(change))?;
        self.seeded.extend(seeded);
        Ok(())
    }

    /// What a limit or a deletion changes for those that come after it.
    fn on_stage(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::PutVhostLimits(record) => {
                self.stage(&record.vhost)?.queues_max = limits::limit(record.max_queues);
            }
            Change::DeleteVhostLimits { vhost } => self.stage(vhost)?.queues_max = None,
            Change::PutUserLimits(record) => self.check_user(&record.user)?,
            Change::DeleteExchange { vhost, name } => {
                let table = &mut self.stage(vhost)?.table;
                table.delete_exchange(name.as_str(), false).map_err(|error| error.to_string())?;
                drop(table.sweep(usize::MAX));
            }
            Change::DeleteQueue { vhost, name } => {
                let table = &mut self.stage(vhost)?.table;
                table.remove_queue(name.as_str());
                drop(table.sweep(usize::MAX));
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, change: &Change) {
        self.stored.push(change.clone());
    }

    fn account(&mut self, change: &Change) -> Result<(), String> {
        self.accounts.apply(change.clone()).map_err(|error| error.to_string())?;
        self.keep(change);
        Ok(())
    }

    fn stage(&mut self, vhost: &VhostName) -> Result<&mut Stage, String> {
        self.vhosts.get_mut(vhost).ok_or_else(|| format!("vhost '{vhost}' not found"))
    }

    fn check_user(&self, user: &UserName) -> Result<(), String> {
        let found = self.accounts.directory().user(user);
        found.map(|_| ()).ok_or_else(|| format!("no such user '{user}'"))
    }

    fn delete_vhost(&mut self, name: &VhostName) -> Result<(), String> {
        let record = self.accounts.records().vhost(name);
        if record.is_some_and(|record| record.protected_from_deletion) {
            return Err(format!("vhost '{name}' is protected from deletion"));
        }
        if let Some(stage) = self.vhosts.remove(name) {
            self.stored.extend(stage.live.iter().flat_map(|live| live.everything_stored()));
        }
        let everything = everything_in_vhost(&self.accounts, name);
        everything.iter().try_for_each(|change| self.account(change))
    }

    fn policy(
        &mut self,
        kind: PolicyKind,
        record: &store::Policy,
        change: &Change,
    ) -> Result<(), String> {
        self.stage(&record.vhost)?;
        records::to_policy(kind, record).map_err(|error| error.lines().join("; "))?;
        self.keep(change);
        Ok(())
    }

    fn exchange(&mut self, record: &store::Exchange, change: &Change) -> Result<(), String> {
        let exchange = records::to_exchange(record).map_err(|error| error.to_string())?;
        let most = self.limits.max_exchanges;
        let exchanges: usize = self.vhosts.values().map(|stage| stage.table.exchange_count()).sum();
        let table = &mut self.stage(&record.vhost)?.table;
        let is_new = table.exchange(record.name.as_str()).is_none();
        if let Some(most) = most.filter(|most| is_new && exchanges >= *most) {
            return Err(format!("exchange limit of {most} is reached"));
        }
        table.declare_exchange(exchange).map_err(|error| error.to_string())?;
        if record.durable {
            self.keep(change);
        }
        Ok(())
    }

    fn queue(&mut self, record: &store::Queue, change: &Change) -> Result<(), String> {
        let declare = declare(record);
        let stage = self.stage(&record.vhost)?;
        arguments::check(&record.name, &record.vhost, &declare).map_err(|refused| refused.text)?;
        let queues = stage.table.queue_count();
        if let Some(most) = stage.queues_max.filter(|most| queues >= *most) {
            return Err(format!("queue limit in vhost '{}' ({most}) is reached", record.vhost));
        }
        let quorum = arguments::queue_type(&record.arguments) == "quorum";
        let staged = StagedQueue { stored: record.durable, quorum };
        stage.table.add_queue(record.name.clone(), staged);
        if record.durable {
            self.keep(change);
        }
        Ok(())
    }

    fn binding(&mut self, record: &store::Binding, change: &Change) -> Result<(), String> {
        let binding = records::to_binding(record).map_err(|error| error.to_string())?;
        let vhost = &record.vhost;
        let stage = self.stage(vhost)?;
        stage.check_local(&binding)?;
        let stored = stage.is_stored(&binding);
        let bound = stage.table.bind(binding);
        bound.map_err(|error| format!("{error} in vhost '{vhost}'"))?;
        if stored {
            self.keep(change);
        }
        Ok(())
    }
}

impl Stage {
    fn of(vhost: Arc<Vhost>, queues_max: Option<usize>) -> Self {
        let mut table = Table::new();
        let now = vhost.table();
        for exchange in now.exchanges().filter(|exchange| !exchange.name.is_empty()) {
            // It was good once, so it is now.
            let _ = table.declare_exchange(exchange.clone());
        }
        for (name, cell) in now.queues() {
            let stored = cell.info().is_stored();
            let quorum = arguments::queue_type(&cell.info().arguments) == "quorum";
            table.add_queue(QueueName::clone(name), StagedQueue { stored, quorum });
        }
        drop(now);
        Self { table, queues_max, live: Some(vhost) }
    }

    fn is_stored(&self, binding: &Binding) -> bool {
        let durable = |name: &str| self.table.exchange(name).is_some_and(|x| x.durable);
        durable(binding.source.as_str())
            && match &binding.destination {
                Destination::Queue(name) => {
                    self.table.queue(name.as_str()).is_some_and(|queue| queue.stored)
                }
                Destination::Exchange(name) => durable(name.as_str()),
            }
    }

    /// As for a client that binds.
    fn check_local(&self, binding: &Binding) -> Result<(), String> {
        let kind = self.table.exchange(binding.source.as_str()).map(|exchange| exchange.kind);
        let Destination::Queue(name) = &binding.destination else { return Ok(()) };
        let is_quorum = self.table.queue(name.as_str()).is_some_and(|queue| queue.quorum);
        if kind == Some(ExchangeKind::LocalRandom) && is_quorum {
            return Err("a quorum queue cannot be bound to an exchange of this type".to_owned());
        }
        Ok(())
    }
}

/// A queue as a client would declare it.
pub(super) fn declare(record: &store::Queue) -> DeclareQueue {
    DeclareQueue {
        queue: record.name.clone(),
        passive: false,
        durable: record.durable,
        exclusive: false,
        auto_delete: record.auto_delete,
        arguments: record.arguments.clone(),
    }
}
