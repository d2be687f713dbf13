//! The dice decide what happens next.

use haremq::base::{ChannelId, DeliveryTag};
use haremq::store::CrashImage;
use haremq::wire::{Method, Output};

use super::client::{Habits, Held};
use super::frames::{method_frame, publish};
use super::queues::{QUEUES, route};
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
        230..380 => publish_some(world, at),
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
    let queues = (0..QUEUES.len()).filter(|_| random.once_in(2)).collect();
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
    for _ in 0..=world.random.below(3) {
        let route = route(world.random.below(QUEUES.len() + 1));
        let persistent = !world.random.once_in(4);
        let bytes = if world.random.once_in(2) { BODY_BYTES_MAX } else { 100 };
        let bytes = world.random.below(bytes);
        let Some(client) = &mut world.clients[at] else { return };
        let serial = client.serial;
        let (number, body) = world.oracle.publish(serial, &route.queues, persistent, bytes);
        client.published += 1;
        client.unanswered.insert(client.published, number);
        client.write(&publish(&route, persistent, &body));
        let to = if route.key.is_empty() { route.exchange } else { route.key };
        let kind = if persistent { "persistent" } else { "transient" };
        let size = body.len();
        world.trace.say(&format!("{serial} publishes {number} to {to}, {kind}, {size} bytes"));
    }
}

fn settle_some(world: &mut World, at: usize) {
    let Some(client) = &world.clients[at] else { return };
    if client.held.is_empty() {
        return;
    }
    let number = world.random.below(client.held.len());
    let Some((&tag, _)) = client.held.iter().nth(number) else { return };
    let multiple = world.random.once_in(3);
    let acks = !world.random.once_in(3);
    settle(world, at, tag, multiple, acks);
}

/// Acks, or gives back, a delivery, or all up to it.
pub(super) fn settle(world: &mut World, at: usize, tag: u64, multiple: bool, acks: bool) {
    let Some(client) = &mut world.clients[at] else { return };
    let serial = client.serial;
    let first = if multiple { 0 } else { tag };
    let settled: Vec<(u64, Held)> =
        client.held.range(first..=tag).map(|(tag, held)| (*tag, *held)).collect();
    for (tag, held) in settled {
        client.held.remove(&tag);
        if acks {
            world.oracle.acked(serial, held);
        } else {
            world.oracle.returned(held);
        }
    }
    if acks {
        let mut output = Output::new();
        output.ack(ChannelId(2), DeliveryTag(tag), multiple);
        client.write(&output.slices().collect::<Vec<_>>().concat());
    } else {
        let delivery_tag = DeliveryTag(tag);
        client
            .write(&method_frame(2, &Method::BasicNack { delivery_tag, multiple, requeue: true }));
    }
    let what = if acks { "acks" } else { "gives back" };
    world.trace.say(&format!("{serial} {what} {tag} {multiple}"));
}
