//! No more faults: everything arrives, everybody does what is to be done, and everything drains.

use std::collections::{BTreeMap, BTreeSet};

use super::asking::{commit, end_transaction};
use super::client::{CONSUMES, Habits, Outcome, TRANSACTS};
use super::frames::method_frame;
use super::oracle::Line;
use super::queues::{QUEUES, RANKED, declare, gets_letters};
use super::storm::{crash, habits, outcome, settle};
use super::world::World;

/// Rounds after which a world that still moves will never stand still.
const ROUNDS_MAX: usize = 20_000;

/// As often what waited for a pause goes on.
const PAUSES_MAX: usize = 1000;

/// Whether clients ack what they get.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clients {
    Ack,
    /// Now and then they give something back; in the end they ack.
    Settle,
    Keep,
}

/// Drains the world, in half of the cases after its consumers have taken what they could, and checks it.
pub(super) fn drain(world: &mut World) -> Result<(), String> {
    world.trace.step += 1;
    world.trace.say("quiet");
    world.fill_disk(false);
    world.tick_log();
    if world.has_failed() {
        crash(world)?;
    }
    for at in 0..world.clients.len() {
        if world.random.once_in(2) {
            end_transaction(world, at);
            // What a rollback left behind would come with this.
            commit(world, at);
        }
    }
    if world.random.once_in(2) {
        consume(world)?;
    } else {
        pump(world, Clients::Keep)?;
    }
    check_answers(world)?;
    if world.has_failed() {
        // The sync that was to fail came only now.
        crash(world)?;
    }
    world.oracle.heard_everything();
    for at in 0..world.clients.len() {
        world.cut(at);
    }
    pump(world, Clients::Keep)?;
    collect(world)
}

/// Everybody is there and acks: no queue that has a consumer keeps anything.
fn consume(world: &mut World) -> Result<(), String> {
    for at in 0..world.clients.len() {
        if world.clients[at].is_none() {
            let habits = habits(world);
            world.connect(at, habits)?;
        }
    }
    pump(world, Clients::Settle)?;
    if world.has_failed() {
        return crash(world);
    }
    let counted = count(world)?;
    for (queue, (messages, consumers)) in counted {
        if consumers > 0 && messages > 0 {
            let name = QUEUES[queue].name;
            return Err(format!(
                "{messages} messages stay in {name}, whose {consumers} consumers have acked everything"
            ));
        }
    }
    Ok(())
}

/// One consumer takes everything: in order, and each message that must be there once.
fn collect(world: &mut World) -> Result<(), String> {
    world.taken.clear();
    let queues = (0..QUEUES.len()).map(|queue| (queue, false)).collect();
    world.connect(0, Habits { queues, prefetch: 0, global: false })?;
    pump(world, Clients::Keep)?;
    world.oracle.is_there_again();
    check_ranks(world)?;
    pump(world, Clients::Ack)?;
    // What a full queue refused of dead letters comes again, now that it has room.
    for _ in 0..PAUSES_MAX {
        if world.paused_jobs() == 0 || world.has_failed() {
            break;
        }
        pump(world, Clients::Ack)?;
    }
    check_taken(world)?;
    if world.has_failed() {
        // Nobody knows now which acks are on disk.
        return crash(world);
    }
    for (queue, (messages, _)) in count(world)? {
        if messages > 0 {
            let name = QUEUES[queue].name;
            return Err(format!("{messages} messages stay in {name} after everything was acked"));
        }
    }
    world.oracle.heard_everything();
    world.oracle.drained();
    world.cut(0);
    Ok(())
}

/// Nothing came while it was taken, so what ranks higher came first.
fn check_ranks(world: &World) -> Result<(), String> {
    let ranked = world.taken.iter().filter(|(queue, _)| *queue == RANKED);
    let mut lowest = u8::MAX;
    for (_, message) in ranked {
        let (_, _, priority) = world.oracle.line(*message);
        if priority > lowest {
            return Err(format!("message {message} of priority {priority} came after {lowest}"));
        }
        lowest = priority;
    }
    Ok(())
}

/// Everything that had to come has come, once and in order.
fn check_taken(world: &mut World) -> Result<(), String> {
    let mut last: BTreeMap<(usize, Line), u64> = BTreeMap::new();
    let mut came: BTreeSet<(usize, u64)> = BTreeSet::new();
    for (queue, message) in std::mem::take(&mut world.taken) {
        let name = QUEUES[queue].name;
        if !came.insert((queue, message)) && !world.oracle.repeats(queue, message) {
            return Err(format!("message {message} came twice out of {name}"));
        }
        let before = last.insert((queue, world.oracle.line(message)), message);
        if before.is_some_and(|before| before > message) && !gets_letters(queue) {
            return Err(format!("{name} gave {message} after {before:?} of the same channel"));
        }
    }
    for (queue, kind) in QUEUES.iter().enumerate() {
        for message in world.oracle.must_come(queue) {
            let is_letter = kind.letters.is_some_and(|letters| came.contains(&(letters, message)));
            if !came.contains(&(queue, message)) && !is_letter {
                return Err(format!("message {message} was confirmed and is not in {}", kind.name));
            }
        }
        world.oracle.check_commits(queue, &came)?;
    }
    Ok(())
}

/// What the broker says is in its queues, and how many consumers they have.
fn count(world: &mut World) -> Result<BTreeMap<usize, (u32, u32)>, String> {
    world.counted.clear();
    if let Some(client) = &mut world.clients[0] {
        for queue in 0..QUEUES.len() {
            client.write(&method_frame(CONSUMES, &declare(queue)));
        }
    }
    pump(world, Clients::Ack)?;
    if world.counted.len() < QUEUES.len() {
        return Err("a question for the number of messages was not answered".to_owned());
    }
    Ok(std::mem::take(&mut world.counted))
}

/// Every publish that arrived has its answer.
fn check_answers(world: &World) -> Result<(), String> {
    if world.has_failed() {
        return Ok(());
    }
    for client in world.clients.iter().flatten() {
        if let Some((tag, message)) = client.unanswered.first_key_value() {
            let serial = client.serial;
            return Err(format!("publish {tag} of {serial}, message {message}, gets no answer"));
        }
        if client.waits_for(|_| true) {
            return Err(format!("{} asked {:?} and gets no answer", client.serial, client.asked));
        }
    }
    Ok(())
}

/// Lets everything happen until nothing does any more.
fn pump(world: &mut World, clients: Clients) -> Result<(), String> {
    world.wake_jobs();
    for _ in 0..ROUNDS_MAX {
        let mut moved = false;
        for at in 0..world.clients.len() {
            moved |= serve(world, at, clients)?;
        }
        while world.jobs() > 0 {
            world.run_job(0);
            moved = true;
        }
        moved |= world.write_log() > 0;
        if !moved {
            return Ok(());
        }
    }
    Err("the world does not come to rest".to_owned())
}

/// The client at this place sends, is served, reads and acks; says whether there was anything to do.
fn serve(world: &mut World, at: usize, clients: Clients) -> Result<bool, String> {
    let Some(client) = &mut world.clients[at] else { return Ok(false) };
    let mut moved = client.unsent() > 0;
    if moved {
        client.arrive(usize::MAX);
    }
    while client.is_awake() {
        client.turn()?;
        moved |= client.unread() > 0;
    }
    if client.unread() > 0 {
        moved = true;
        world.read(at, usize::MAX)?;
    }
    if clients == Clients::Keep {
        return Ok(moved);
    }
    for channel in [CONSUMES, TRANSACTS] {
        let client = world.clients[at].as_ref();
        let last = client.and_then(|client| {
            client.held.range((channel, 0)..=(channel, u64::MAX)).next_back().map(|(at, _)| *at)
        });
        let Some(which) = last else { continue };
        let outcome = if clients == Clients::Ack { Outcome::Ack } else { outcome(world) };
        settle(world, at, which, true, outcome);
        if channel == TRANSACTS {
            commit(world, at);
        }
        moved = true;
    }
    Ok(moved)
}
