//! What a restart gives back: vhosts with their exchanges, queues and bindings, and the messages that
//! the log has for the queues.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::broker::{Common, PASSING_QUEUE_NUMBERS};
use super::policy::{PolicyKind, QueueEffective, QueueType};
use super::unique::FromLog;
use super::{Cell, QueueInfo, Vhost, keeping, records};
use crate::base::VhostName;
use crate::store::{self, Definitions, Entry, QueueNumber, RecoveredQueue, Submission};

/// Builds the vhosts of the definitions. What cannot be built is said, and everything else goes on.
pub(super) fn recover(common: &Arc<Common>) -> BTreeMap<VhostName, Arc<Vhost>> {
    let Some(metadata) = &common.metadata else { return BTreeMap::new() };
    let definitions = metadata.load();
    let queues = common.log.iter().flat_map(|log| log.queues());
    let mut recovered: BTreeMap<QueueNumber, RecoveredQueue> =
        queues.map(|queue| (queue.number, queue)).collect();
    let next_number = next_queue_number(&definitions, &recovered);
    common.queue_numbers.store(next_number, Ordering::Relaxed);
    let vhosts: BTreeMap<_, _> = definitions
        .vhosts
        .values()
        .map(|vhost| (vhost.name.clone(), Vhost::new(vhost.name.clone(), Arc::clone(common))))
        .collect();
    for vhost in vhosts.values() {
        recover_policies(vhost, &definitions);
        let record = definitions.vhost(&vhost.name);
        let named = record.and_then(|record| record.default_queue_type.as_deref());
        vhost.default_type.set(named.and_then(QueueType::parse));
    }
    common.limits.recover(&definitions);
    let mut messages = 0;
    for exchange in definitions.exchanges.values() {
        messages += recover_exchange(common, &vhosts, exchange, &mut recovered);
    }
    for queue in definitions.queues.values() {
        let number = QueueNumber(queue.number);
        let of_log =
            FromLog { messages: recovered.remove(&number), keys: recovered.remove(&number.keys()) };
        messages += of_log.messages.map_or(0, |of_log| of_log.messages);
        recover_queue(common, &vhosts, queue, of_log);
    }
    for binding in definitions.bindings.values() {
        recover_binding(&vhosts, binding);
    }
    drop_nameless(common, &recovered);
    said(&definitions, messages);
    vhosts
}

/// A number that neither store knows: definitions that were lost, or put back from an older copy, must
/// not give a new queue the number under which the log has messages of another one.
fn next_queue_number(
    definitions: &Definitions,
    recovered: &BTreeMap<QueueNumber, RecoveredQueue>,
) -> u64 {
    let last = recovered.range(..QueueNumber(PASSING_QUEUE_NUMBERS)).next_back();
    let after_log = last.map_or(1, |(number, _)| number.0 + 1);
    definitions.next_queue_number.max(after_log)
}

fn said(definitions: &Definitions, messages: u64) {
    tracing::info!(
        vhosts = definitions.vhosts.len(),
        exchanges = definitions.exchanges.len(),
        queues = definitions.queues.len(),
        bindings = definitions.bindings.len(),
        messages,
        "definitions and messages recovered"
    );
}

fn recover_policies(vhost: &Vhost, definitions: &Definitions) {
    let user = definitions.policies.values().map(|record| (PolicyKind::User, record));
    let operator = definitions.operator_policies.values();
    let operator = operator.map(|record| (PolicyKind::Operator, &record.0));
    let mut policies = Vec::new();
    for (kind, record) in user.chain(operator).filter(|(_, record)| record.vhost == vhost.name) {
        match records::to_policy(kind, record) {
            Ok(policy) => policies.push((kind, policy)),
            Err(error) => lost("policy", record.name.as_str(), &error.lines().join("; ")),
        }
    }
    vhost.recover_policies(policies);
}

/// Says how many messages it delays.
fn recover_exchange(
    common: &Common,
    vhosts: &BTreeMap<VhostName, Arc<Vhost>>,
    record: &store::Exchange,
    recovered: &mut BTreeMap<QueueNumber, RecoveredQueue>,
) -> u64 {
    let delayed = record.delay_queue.and_then(|number| recovered.remove(&QueueNumber(number)));
    let messages = delayed.map_or(0, |delayed| delayed.messages);
    if let Err(cause) = recover_known_exchange(common, vhosts, record, recovered, delayed) {
        lost("exchange", record.name.as_str(), &cause);
    }
    messages
}

fn recover_known_exchange(
    common: &Common,
    vhosts: &BTreeMap<VhostName, Arc<Vhost>>,
    record: &store::Exchange,
    recovered: &mut BTreeMap<QueueNumber, RecoveredQueue>,
    delayed: Option<RecoveredQueue>,
) -> Result<(), String> {
    let vhost = vhosts.get(&record.vhost).ok_or("its vhost is not defined")?;
    let exchange = records::to_exchange(record);
    let exchange = exchange.map_err(|_| "this version does not know its type")?;
    let keeps_keys = exchange.deduplication().is_some_and(|settings| settings.persistent);
    let number = record.number.filter(|_| keeps_keys);
    let keys = number.and_then(|number| recovered.remove(&QueueNumber(number)));
    let number = number.or_else(|| keeps_keys.then(|| common.next_queue_number(true).0));
    let delaying = exchange.delays().then(|| {
        let known = record.delay_queue.map(|number| (QueueNumber(number), delayed));
        vhost.delaying_cell(&exchange, known)
    });
    // An earlier version did not give it the numbers that it needs.
    let delays_anew = delaying.is_some() && record.delay_queue.is_none();
    if delays_anew || (number.is_some() && number != record.number) {
        let changes = keeping::put_exchange(&vhost.name, &exchange, number, delaying.as_deref());
        let name = record.name.clone();
        keeping::keep(common, changes, move |stored| {
            if let Err(error) = stored {
                tracing::error!(exchange = %name, error = %error, "the number of an exchange was not stored: what it delays or remembers does not survive a restart");
            }
        });
    }
    let declared = vhost.change(|table| {
        let declared = table.declare_exchange(exchange);
        vhost.apply_effective(table, record.name.as_str());
        if let (Ok(_), Some(exchange)) = (&declared, table.exchange(record.name.as_str())) {
            vhost.windows.add(exchange, number, keys);
        }
        if let (Ok(_), Some(cell)) = (&declared, delaying) {
            table.set_delay_queue(record.name.as_str(), cell);
        }
        declared
    });
    declared.map(|_| ()).map_err(|error| error.to_string())
}

fn recover_queue(
    common: &Arc<Common>,
    vhosts: &BTreeMap<VhostName, Arc<Vhost>>,
    record: &store::Queue,
    recovered: FromLog,
) {
    let Some(vhost) = vhosts.get(&record.vhost) else {
        return lost("queue", record.name.as_str(), "its vhost is not defined");
    };
    let info = QueueInfo {
        id: common.next_queue_id(),
        name: record.name.clone(),
        durable: record.durable,
        exclusive: None,
        auto_delete: record.auto_delete,
        arguments: record.arguments.clone(),
        number: QueueNumber(record.number),
        delays: None,
    };
    let effective = QueueEffective::new(&vhost.policies(), record.name.as_str(), &record.arguments);
    let cell = Cell::new(info, effective, Arc::downgrade(vhost), Arc::clone(common), recovered);
    if vhost.change(|table| table.add_queue(record.name.clone(), cell)) {
        common.limits.queue_added();
    }
}

fn recover_binding(vhosts: &BTreeMap<VhostName, Arc<Vhost>>, record: &store::Binding) {
    let Some(vhost) = vhosts.get(&record.vhost) else {
        return lost("binding", &record.destination, "its vhost is not defined");
    };
    let binding = match records::to_binding(record) {
        Ok(binding) => binding,
        Err(error) => return lost("binding", &record.destination, &error.to_string()),
    };
    if let Err(error) = vhost.change(|table| table.bind(binding)) {
        lost("binding", &record.destination, &error.to_string());
    }
}

/// Queues of the log that no definition names: those that ended with the last process, and those that
/// were deleted just before its end.
fn drop_nameless(common: &Common, recovered: &BTreeMap<QueueNumber, RecoveredQueue>) {
    let Some(log) = &common.log else { return };
    for (number, queue) in recovered {
        if number.0 < PASSING_QUEUE_NUMBERS && queue.messages > 0 {
            tracing::warn!(
                queue_number = number.0,
                messages = queue.messages,
                "messages of a queue, or keys of an exchange, that is not defined are dropped: it was deleted when the broker ended"
            );
        }
        log.submit(Submission {
            entries: vec![Entry::DropQueue { queue: *number }],
            durable: false,
            atomic: false,
            done: None,
        });
    }
}

fn lost(what: &str, name: &str, why: &str) {
    tracing::error!(name, error = why, "a {what} of the definitions cannot be recovered");
}
