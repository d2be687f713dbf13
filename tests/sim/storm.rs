//! The dice decide what happens next.

use haremq::base::{ChannelId, DeliveryTag};
use haremq::store::CrashImage;
use haremq::wire::{Method, Output};

use super::asking::ask;
use super::client::{CONFIRMS, Habits, Held, Outcome, TRANSACTS};
use super::frames::{Stamp, method_frame, publish};
use super::oracle::Answer;
use super::queues::{FLEETING, PRIORITY_MAX, QUEUES, RANKED, ROUTES, Route, route};
use super::world::World;

/// The largest body. It lies in several sectors.
const BODY_BYTES_MAX: usize = 3000;

/// Bytes that arrive or are read at once, at most.
const PIECE_BYTES_MAX: usize = 4096;

/// One thing happens.
pub(super) fn step(world: &mut World) -> Result<(), String> {
    world.trace.step += 1;
    if world.has_failed() && world.random.once_in(20) {
        return crash(world);
    }
    let at = world.random.below(world.clients.len());
    match world.random.below(1000) {
        0..4 => return crash(world),
        dice @ 4..40 => befall(world, at, dice),
        40..110 => {
            let count = world.write_log();
            world.trace.say(&format!("the log writes {count}"));
        }
        110..230 => {
            let jobs = world.jobs();
            if jobs > 0 {
                let number = world.random.below(jobs);
                world.trace.say(&format!("job {number} of {jobs} runs"));
                world.run_job(number);
            }
        }
        _ if world.clients[at].is_none() => {
            let habits = habits(world);
            return world.connect(at, habits);
        }
        230..340 => publish_some(world, at),
        340..380 => ask(world, at),
        380..520 => {
            let bytes = 1 + world.random.below(PIECE_BYTES_MAX);
            if let Some(client) = &mut world.clients[at] {
                client.arrive(bytes);
            }
        }
        520..720 => {
            if let Some(client) = world.clients[at].as_mut().filter(|client| client.is_awake()) {
                return client.turn();
            }
        }
        720..880 => {
            let bytes = 1 + world.random.below(PIECE_BYTES_MAX);
            return world.read(at, bytes);
        }
        _ => settle_some(world, at),
    }
    Ok(())
}

/// Something that nobody asked for.
fn befall(world: &mut World, at: usize, dice: usize) {
    match dice {
        4..6 => {
            world.trace.say("the next sync will fail");
            world.fail_next_sync();
        }
        6..9 => {
            let full = world.is_disk_full();
            world.fill_disk(!full);
        }
        9..16 => world.cut(at),
        16..30 => world.pass_time(),
        _ => world.tick_log(),
    }
}

/// How a new client consumes.
pub(super) fn habits(world: &mut World) -> Habits {
    let random = &mut world.random;
    let queues = (0..FLEETING).filter(|_| random.once_in(3)).collect::<Vec<_>>();
    let queues = queues.into_iter().map(|queue| (queue, random.once_in(8))).collect();
    let prefetch = u16::try_from(random.below(6)).unwrap_or(0);
    Habits { queues, prefetch, global: random.once_in(3) }
}

/// The power goes, in half of the cases in the middle of a write.
pub(super) fn crash(world: &mut World) -> Result<(), String> {
    let seed = world.random.next();
    let image = match world.random.below(5) {
        0 => CrashImage::Lost,
        1 => CrashImage::Kept,
        2 => CrashImage::Torn(seed),
        _ => CrashImage::Reordered(seed),
    };
    let amid = world.random.once_in(2).then(|| 1 + world.random.below(3) as u64);
    if amid.is_some() {
        // So that there is something to be written.
        for at in 0..world.clients.len() {
            publish_some(world, at);
            if let Some(client) = &mut world.clients[at] {
                client.arrive(usize::MAX);
                client.turn()?;
            }
        }
    }
    world.crash(image, amid)
}

fn publish_some(world: &mut World, at: usize) {
    let channel = if world.random.once_in(4) { TRANSACTS } else { CONFIRMS };
    for _ in 0..=world.random.below(3) {
        let route = route(world.random.below(ROUTES));
        // A transaction of which a queue refuses a part ends its channel.
        let refuses = route.queues.iter().any(|queue| QUEUES[*queue].refuses);
        publish_one(world, at, if refuses { CONFIRMS } else { channel }, &route);
    }
}

fn publish_one(world: &mut World, at: usize, channel: u16, route: &Route) {
    let persistent = !world.random.once_in(4);
    let bytes = if world.random.once_in(2) { BODY_BYTES_MAX } else { 100 };
    let bytes = world.random.below(bytes);
    let is_ranked = route.queues.contains(&RANKED);
    let ranks = if is_ranked { usize::from(PRIORITY_MAX) + 1 } else { 1 };
    let priority = u8::try_from(world.random.below(ranks)).unwrap_or(0);
    let stamp = Stamp { persistent, priority };
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let waits = channel == TRANSACTS;
    let answer = if waits { Answer::Uncommitted } else { Answer::Unknown };
    let (number, body) = world.oracle.publish((serial, channel), route, stamp, answer, bytes);
    if waits {
        client.transaction.publishes.push(number);
    } else {
        client.published += 1;
        client.unanswered.insert(client.published, number);
    }
    client.write(&publish(channel, route, stamp, &body));
    let to = if route.key.is_empty() { route.exchange } else { route.key };
    let size = body.len();
    let how = if waits { ", to be committed" } else { "" };
    world.trace.say(&format!("{serial} publishes {number} to {to}, {stamp:?}, {size} bytes{how}"));
}

fn settle_some(world: &mut World, at: usize) {
    let Some(client) = &world.clients[at] else { return };
    if client.held.is_empty() {
        return;
    }
    let number = world.random.below(client.held.len());
    let Some((&which, _)) = client.held.iter().nth(number) else { return };
    let multiple = world.random.once_in(3);
    let outcome = outcome(world);
    settle(world, at, which, multiple, outcome);
}

/// What a client does with what it holds.
pub(super) fn outcome(world: &mut World) -> Outcome {
    match world.random.below(6) {
        0..3 => Outcome::Ack,
        3 => Outcome::Reject,
        _ => Outcome::GiveBack,
    }
}

/// Settles a delivery, or all up to it on its channel. In a transaction it counts with the commit.
pub(super) fn settle(
    world: &mut World,
    at: usize,
    (channel, tag): (u16, u64),
    multiple: bool,
    outcome: Outcome,
) {
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let first = if multiple { 0 } else { tag };
    let range = client.held.range((channel, first)..=(channel, tag));
    let settled: Vec<(u64, Held)> = range.map(|((_, tag), held)| (*tag, *held)).collect();
    for (tag, held) in settled {
        client.held.remove(&(channel, tag));
        if channel == TRANSACTS {
            client.transaction.settled.push((tag, held, outcome));
        } else {
            world.oracle.settles(serial, held, outcome);
        }
    }
    client.write(&settlement(channel, tag, multiple, outcome));
    world.trace.say(&format!("{serial} {outcome:?}s {tag} on {channel}, multiple {multiple}"));
}

fn settlement(channel: u16, tag: u64, multiple: bool, outcome: Outcome) -> Vec<u8> {
    let delivery_tag = DeliveryTag(tag);
    let requeue = outcome == Outcome::GiveBack;
    if outcome == Outcome::Ack {
        let mut output = Output::new();
        output.ack(ChannelId(channel), delivery_tag, multiple);
        return output.slices().collect::<Vec<_>>().concat();
    }
    // Two methods say it of one delivery; even tags take the older one.
    let method = if multiple || tag % 2 == 1 {
        Method::BasicNack { delivery_tag, multiple, requeue }
    } else {
        Method::BasicReject { delivery_tag, requeue }
    };
    method_frame(channel, &method)
}
