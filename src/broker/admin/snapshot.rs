//! Everything that the broker was told to be, as it is now.

use crate::broker::exchanges::RESERVED_PREFIX;
use crate::broker::policy::PolicyKind;
use crate::broker::{Broker, Vhost, records};
use crate::routing::Destination;
use crate::store::{self, Change, Definitions};

impl Broker {
    /// The definitions of this moment, those of things that end with the process among them: what a
    /// document of definitions is compared with and made of. Exclusive queues, things whose names begin
    /// with `amq.` and the default exchange are left out, with their bindings.
    ///
    /// Each virtual host is looked at as a whole; a change of two of them may be seen half.
    #[must_use]
    pub fn definitions(&self) -> Definitions {
        let mut all = self.accounts(|accounts| accounts.records().clone());
        all.vhost_limits.clear();
        all.user_limits.clear();
        self.common().limits.records().into_iter().for_each(|change| all.apply(change));
        for vhost in self.all_vhosts() {
            let record = all.vhost(vhost.name()).cloned();
            let record = record.unwrap_or_else(|| store::Vhost::new(vhost.name().clone()));
            let tracing = vhost.is_traced();
            all.apply(Change::PutVhost(store::Vhost { tracing, ..record }));
            vhost.definitions().into_iter().for_each(|change| all.apply(change));
        }
        all
    }
}

impl Vhost {
    fn definitions(&self) -> Vec<Change> {
        let policies = self.policies();
        let of = |kind| {
            let all = policies.iter(kind).map(move |policy| (kind, policy));
            all.map(|(kind, policy)| records::put_policy(self.name(), kind, policy))
        };
        let mut changes: Vec<Change> =
            of(PolicyKind::User).chain(of(PolicyKind::Operator)).collect();
        let table = self.table();
        let exchanges = table.exchanges().filter(|exchange| {
            let name = exchange.name.as_str();
            !name.is_empty() && !name.starts_with(RESERVED_PREFIX)
        });
        let exchanges = exchanges.map(|exchange| records::exchange(self.name(), exchange));
        changes.extend(exchanges.map(Change::PutExchange));
        let is_told = |name: &str| {
            let exclusive = table.queue(name).is_none_or(|cell| cell.info().exclusive.is_some());
            !exclusive && !name.starts_with(RESERVED_PREFIX)
        };
        let queues = table.queues().filter(|(name, _)| is_told(name.as_str()));
        let queues = queues.map(|(_, cell)| records::queue(self.name(), cell.info()));
        changes.extend(queues.map(Change::PutQueue));
        let bindings = table.bindings().filter(|binding| {
            let is_told = match &binding.destination {
                Destination::Queue(name) => is_told(name.as_str()),
                Destination::Exchange(_) => true,
            };
            is_told && !binding.source.is_empty()
        });
        let bindings = bindings.map(|binding| records::binding(self.name(), &binding));
        changes.extend(bindings.map(Change::PutBinding));
        changes
    }
}
