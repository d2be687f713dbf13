//! What a client asks for now and then: messages one by one, the end of a transaction, the end of a consumer or of what is
//! in a queue.

use haremq::wire::Method;

use super::client::{CONSUMES, Outcome, Question, TRANSACTS, Transaction, consumer_tag};
use super::frames::method_frame;
use super::oracle::Taking;
use super::queues::{FLEETING, QUEUES, declare, queue_name};
use super::world::World;

/// As many consumers as a client may have.
const SUBSCRIPTIONS_MAX: usize = 8;

/// One of these things.
pub(super) fn ask(world: &mut World, at: usize) {
    match world.random.below(20) {
        0..6 => fetch(world, at),
        6..11 => end_transaction(world, at),
        11..14 => cancel(world, at),
        14..17 => subscribe(world, at),
        17 => recover(world, at),
        18 => purge(world, at),
        _ => delete(world, at),
    }
}

/// `basic.get`, of what is never away.
fn fetch(world: &mut World, at: usize) {
    let queue = world.random.below(FLEETING);
    let auto = world.random.once_in(3);
    let channel = if !auto && world.random.once_in(2) { TRANSACTS } else { CONSUMES };
    let Some(client) = &mut world.clients[at] else { return };
    let (serial, name) = (client.serial, QUEUES[queue].name);
    let method = Method::BasicGet { queue: queue_name(name), no_ack: auto };
    client.ask(channel, Question::Fetch { queue, auto }, &method);
    if auto {
        world.oracle.may_take(serial, queue, Taking::Fetch);
    }
    world.trace.say(&format!("{serial} fetches from {name} on {channel}, auto {auto}"));
}

/// A commit, or in a third of the cases a rollback.
pub(super) fn end_transaction(world: &mut World, at: usize) {
    let commits = !world.random.once_in(3);
    if commits { commit(world, at) } else { roll_back(world, at) }
}

/// The transaction ends, and what is in it counts.
pub(super) fn commit(world: &mut World, at: usize) {
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let Transaction { publishes, settled } = std::mem::take(&mut client.transaction);
    world.trace.say(&format!("{serial} commits {publishes:?} and {settled:?}"));
    world.oracle.committing(&publishes);
    for (_, held, outcome) in settled {
        world.oracle.settles(serial, held, outcome);
    }
    client.ask(TRANSACTS, Question::Commit { publishes }, &Method::TxCommit);
}

fn roll_back(world: &mut World, at: usize) {
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let Transaction { publishes, settled } = std::mem::take(&mut client.transaction);
    world.trace.say(&format!("{serial} rolls back {publishes:?} and {settled:?}"));
    world.oracle.rolled_back(&publishes);
    // What it had settled is unsettled again.
    client.held.extend(settled.into_iter().map(|(tag, held, _)| ((TRANSACTS, tag), held)));
    client.write(&method_frame(TRANSACTS, &Method::TxRollback));
}

fn cancel(world: &mut World, at: usize) {
    let Some(client) = &mut world.clients[at] else { return };
    let staying = client.subscriptions.iter_mut().filter(|(_, of)| !of.leaving);
    let mut staying: Vec<_> = staying.collect();
    if staying.is_empty() {
        return;
    }
    let (&tag, of) = staying.swap_remove(world.random.below(staying.len()));
    of.leaving = true;
    let (serial, name) = (client.serial, QUEUES[of.queue].name);
    let method = Method::BasicCancel { consumer_tag: consumer_tag(tag), nowait: false };
    client.write(&method_frame(CONSUMES, &method));
    world.oracle.leaves(serial, tag);
    world.trace.say(&format!("{serial} cancels {tag} of {name}"));
}

fn subscribe(world: &mut World, at: usize) {
    let (queue, auto) = (world.random.below(FLEETING), world.random.once_in(6));
    let Some(client) = &mut world.clients[at] else { return };
    if client.subscriptions.len() >= SUBSCRIPTIONS_MAX {
        return;
    }
    let tag = client.subscribe(queue, auto);
    let (serial, name) = (client.serial, QUEUES[queue].name);
    if auto {
        world.oracle.may_take(serial, queue, Taking::Consumer(tag));
    }
    world.trace.say(&format!("{serial} consumes {name} as {tag}, auto {auto}"));
}

/// Everything that is held on the channel of consumers comes again.
fn recover(world: &mut World, at: usize) {
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let kept = client.held.split_off(&(CONSUMES + 1, 0));
    for (_, held) in std::mem::replace(&mut client.held, kept) {
        world.oracle.settles(serial, held, Outcome::GiveBack);
    }
    client.ask(CONSUMES, Question::Recover, &Method::BasicRecover { requeue: true });
    world.trace.say(&format!("{serial} wants everything again"));
}

/// A queue that is never away is emptied.
fn purge(world: &mut World, at: usize) {
    let queue = world.random.below(FLEETING);
    let Some(client) = &mut world.clients[at] else { return };
    let (serial, name) = (client.serial, QUEUES[queue].name);
    world.oracle.may_take(serial, queue, Taking::Purge);
    let method = Method::QueuePurge { queue: queue_name(name), nowait: false };
    client.ask(CONSUMES, Question::Purge { queue }, &method);
    world.trace.say(&format!("{serial} purges {name}"));
}

/// A queue goes, and is declared again.
fn delete(world: &mut World, at: usize) {
    let Some(client) = &mut world.clients[at] else { return };
    let is_deleting = client.waits_for(|of| matches!(of, Question::Delete { .. }));
    if is_deleting || client.redeclares.is_some() {
        return;
    }
    let (serial, queue, name) = (client.serial, FLEETING, QUEUES[FLEETING].name);
    world.oracle.may_take(serial, queue, Taking::Delete);
    let method = Method::QueueDelete {
        queue: queue_name(name),
        if_unused: false,
        if_empty: false,
        nowait: false,
    };
    client.ask(CONSUMES, Question::Delete { queue }, &method);
    client.write(&method_frame(CONSUMES, &declare(queue)));
    world.trace.say(&format!("{serial} deletes {name} and declares it again"));
}
