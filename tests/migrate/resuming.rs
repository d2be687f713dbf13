//! A run that was interrupted goes on, at whatever moment that was.

use std::process::Command;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::program::{World, jobs, run, totals};
use super::proxy::Proxy;
use crate::support::{Id, RawClient, id};

/// Which side loses its connection, and when.
enum Cut {
    Source(Id, usize),
    Target(Id, usize),
}

/// A run of 25 messages in batches of 10 that is cut, and what the next one reports.
fn cut_and_resumed(world: &mut World, name: &str, cut: &Cut, between: impl Fn(&World)) -> Value {
    match *cut {
        Cut::Source(method, nth) => {
            let proxy = Proxy::cutting(world.source.port(), method, nth);
            world.over(proxy.port, world.target.port());
        }
        Cut::Target(method, nth) => {
            let proxy = Proxy::cutting(world.target.port(), method, nth);
            world.over(world.source.port(), proxy.port);
        }
    }
    let report = world.migrate(&["--batch", "10"]).expect_failed(69);
    let problem = report["queues"][0]["problem"].as_str().expect("a problem").to_owned();
    assert!(problem.contains(name) && problem.contains("127.0.0.1"), "{problem}");
    world.straight();
    between(world);
    world.migrate(&["--batch", "10"]).expect_good()
}

/// The messages differ.
fn nothing_is_lost_or_double(cut: &Cut, recognised: u64) {
    let mut world = World::new();
    world.fill("work", jobs(25));
    let report = cut_and_resumed(&mut world, "work", cut, |_| {});
    assert_eq!(totals(&report), (25, recognised, 0));
    assert_eq!(world.arrived("work"), jobs(25));
    assert!(world.left("work").is_empty());
}

/// M1
#[test]
fn before_the_commit_nothing_is_acked_and_nothing_is_stored() {
    // Each batch has two: its own, and the note that it was acked.
    nothing_is_lost_or_double(&Cut::Target(id::TX_COMMIT, 3), 0);
}

/// M2
#[test]
fn a_commit_whose_answer_was_lost_is_recognised() {
    nothing_is_lost_or_double(&Cut::Target(id::TX_COMMIT_OK, 3), 10);
}

/// M2
#[test]
fn what_is_stored_and_not_acked_is_recognised() {
    nothing_is_lost_or_double(&Cut::Source(id::BASIC_ACK, 1), 10);
    nothing_is_lost_or_double(&Cut::Source(id::BASIC_ACK, 3), 5);
}

/// M2: the ack was worked off, and nobody noted it.
#[test]
fn an_ack_that_nobody_noted_takes_nothing_away() {
    nothing_is_lost_or_double(&Cut::Target(id::TX_COMMIT, 4), 0);
}

#[test]
fn a_source_that_vanishes_while_it_delivers_loses_nothing() {
    nothing_is_lost_or_double(&Cut::Source(id::BASIC_DELIVER, 17), 0);
}

/// M2, M3: by what is known of the batch, not by what the messages look like. A batch that was only taken looks like the
/// one before it, whose ack the source may have forgotten for all that anybody knows: it is counted.
#[test]
fn messages_that_are_all_alike_are_not_taken_for_each_other() {
    for (cut, recognised, doubtful) in [
        (Cut::Source(id::BASIC_ACK, 2), 10, 0),
        (Cut::Target(id::TX_COMMIT, 3), 0, 10),
        (Cut::Target(id::TX_COMMIT, 4), 0, 0),
    ] {
        let mut world = World::new();
        world.fill("pings", (0..25).map(|_| "ping".to_owned()));
        let report = cut_and_resumed(&mut world, "pings", &cut, |_| {});
        assert_eq!(totals(&report), (25, recognised, doubtful));
        assert_eq!(world.arrived("pings").len(), 25);
    }
}

/// M3: the exchange does not survive a restart of the target, so without it a claim proves nothing.
#[test]
fn what_a_restarted_target_may_have_is_published_again_and_counted() {
    let mut world = World::new();
    world.fill("work", jobs(25));
    let report = cut_and_resumed(&mut world, "work", &Cut::Source(id::BASIC_ACK, 2), |world| {
        let exchanges = world.at_target().get("/api/exchanges/%2F").json();
        let exchanges = exchanges.as_array().expect("a list").clone();
        let name = exchanges.iter().filter_map(|one| one["name"].as_str());
        let name =
            name.clone().find(|name| name.starts_with("haremq.migrate.")).expect("one is left");
        assert_eq!(world.at_target().delete(&format!("/api/exchanges/%2F/{name}")).status, 204);
    });
    assert_eq!(totals(&report), (35, 0, 10));
    let mut arrived = world.arrived("work");
    assert_eq!(arrived.len(), 35);
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 25);
}

/// M2, M3: the claim of the second run names what the first one stored.
#[test]
fn two_interruptions_in_a_row_lose_nothing_and_report_every_double() {
    let mut world = World::new();
    world.fill("work", jobs(25));
    for nth in [1, 1] {
        let proxy = Proxy::cutting(world.source.port(), id::BASIC_ACK, nth);
        world.over(proxy.port, world.target.port());
        world.migrate(&["--batch", "10"]).expect_failed(69);
    }
    world.straight();
    let report = world.migrate(&["--batch", "10"]).expect_good();
    let (moved, _, doubles) = totals(&report);
    let mut arrived = world.arrived("work");
    assert_eq!(arrived.len() as u64, moved);
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 25);
    assert!(moved - 25 <= doubles, "{report:#}");
    assert_eq!(
        (moved, doubles),
        (25, 0),
        "both times the same batch was stored and fresh: {report:#}"
    );
}

/// M2: however late it comes back, as long as nobody knows that the source has acked it.
#[test]
fn what_somebody_holds_at_the_source_is_recognised_when_it_comes_back() {
    let mut world = World::new();
    world.fill("work", jobs(25));
    let proxy = Proxy::cutting(world.source.port(), id::BASIC_ACK, 2);
    world.over(proxy.port, world.target.port());
    world.migrate(&["--batch", "10"]).expect_failed(69);
    world.straight();
    let mut holder = RawClient::with_channel_on(&world.source);
    for _ in 0..10 {
        assert!(holder.get(1, "work").expect("a message came back").redelivered);
    }
    let report = world.migrate(&["--batch", "10"]).expect_failed(1);
    assert_eq!(totals(&report), (25, 0, 0));
    let problem = report["queues"][0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("held at the source"), "{problem}");
    holder.close();
    let report = world.migrate(&["--batch", "10"]).expect_good();
    assert_eq!(totals(&report), (25, 10, 0));
    assert_eq!(world.arrived("work").len(), 25);
}

#[test]
fn ctrl_c_ends_after_the_batch_and_says_how_to_go_on() {
    let mut world = World::new();
    world.fill("work", jobs(25));
    let pid = Arc::new(OnceLock::new());
    let known = Arc::clone(&pid);
    let proxy = Proxy::acting(world.source.port(), id::BASIC_ACK, 1, move || {
        let pid: &u32 = known.wait();
        let status = Command::new("kill").args(["-INT", &pid.to_string()]).status();
        status.is_ok_and(|status| status.success())
    });
    world.over(proxy.port, world.target.port());
    let child = world.command(&["--batch", "1"]).spawn().expect("the program starts");
    pid.set(child.id()).expect("once");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report all the same");
    let moved = totals(&report).0;
    assert!((1..25).contains(&moved), "{report:#}");
    assert_eq!(
        (report["interrupted"].clone(), report["good"].clone()),
        (true.into(), false.into())
    );
    world.straight();
    let report = world.migrate(&[]).expect_good();
    assert_eq!(totals(&report), (25, 0, 0));
    assert_eq!(world.arrived("work"), jobs(25));
}

#[test]
fn a_state_of_another_migration_is_refused() {
    let world = World::new();
    world.migrate(&[]).expect_good();
    let mut command = world.command(&[]);
    let other = World::new();
    let to = format!("http://guest:secret@{}", other.target.management());
    command = {
        let mut again = Command::new(command.get_program());
        let mut arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let at = arguments.iter().position(|word| word == "--to").expect("it is given");
        arguments[at + 1] = to.replace("secret", "guest").into();
        again.args(arguments);
        again
    };
    let run = run(command);
    assert_eq!(run.code, Some(65), "{run:?}");
    assert!(run.stderr.contains("--state") && !run.stderr.contains("guest:"), "{run:?}");
}
