//! A target or a source that does not want to.

use serde_json::json;

use super::program::{World, declare, jobs, run, totals};
use crate::support::RawClient;

/// M1, M3
#[test]
fn a_target_that_refuses_loses_nothing_and_the_doubles_are_counted() {
    let world = World::new();
    world.fill("narrow", jobs(25));
    world.migrate(&["--definitions-only"]).expect_good();
    let limit =
        json!({"pattern": "narrow", "definition": {"max-length": 5, "overflow": "reject-publish"}});
    let policy = "/api/policies/%2F/limit";
    assert_eq!(world.at_target().put(policy, &limit).status, 201);
    let report = world.migrate(&["--batch", "10"]).expect_failed(1);
    let problem = report["queues"][0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("narrow") && problem.contains("tx.commit"), "{problem}");
    let mut client = RawClient::with_channel_on(&world.source);
    client.expect_counts(1, "narrow", (25, 0));
    // With the policy in force a claim is no proof, because a part of the batch was refused.
    world.migrate(&["--batch", "3"]).expect_failed(1);
    client.expect_counts(1, "narrow", (25, 0));
    assert_eq!(world.at_target().delete(policy).status, 204);
    let report = world.migrate(&["--batch", "10"]);
    let report = report.report();
    let (moved, _, doubles) = totals(&report);
    let mut arrived = world.arrived("narrow");
    let found = arrived.len();
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 25, "nothing is lost: {report:#}");
    assert!(found as u64 - 25 <= doubles, "{found} arrived of {moved}: {report:#}");
}

#[test]
fn a_queue_that_the_target_does_not_have_is_named_and_the_others_are_moved() {
    let world = World::new();
    world.fill("absent", jobs(2));
    world.fill("present", jobs(2));
    declare(&mut RawClient::with_channel_on(&world.target), "present");
    let report = world.migrate(&["--messages-only"]).expect_failed(1);
    let problem = report["queues"][0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("'absent'") && problem.contains("404"), "{problem}");
    assert_eq!(world.arrived("present"), jobs(2));
    assert_eq!(world.left("absent"), jobs(2));
}

#[test]
fn who_cannot_be_reached_is_named_without_a_password() {
    let world = World::new();
    let state = world.state_path();
    let line = |from: &str, to: &str| {
        let mut command = world.command(&[]);
        let mut words: Vec<String> =
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        for (flag, value) in [("--from", from), ("--to", to)] {
            let at = words.iter().position(|word| word == flag).expect("it is given");
            if !value.is_empty() {
                words[at + 1] = value.to_owned();
            }
        }
        command = std::process::Command::new(command.get_program());
        command.args(words);
        run(command)
    };
    let good = format!("http://guest:guest@{}", world.target.management());
    for (from, to, part) in [
        ("http://guest:hidden@127.0.0.1:9", "", "source at http://127.0.0.1:9"),
        ("", "http://guest:hidden@127.0.0.1:9", "target at http://127.0.0.1:9"),
        (good.replace("guest@", "hidden@").as_str(), "", "the login is refused"),
    ] {
        let run = line(from, to);
        assert_eq!(run.code, Some(69), "{run:?}");
        assert!(run.stderr.contains(part) && !run.stderr.contains("hidden"), "{run:?}");
    }
    let run = line(&good, "");
    assert_eq!(run.code, Some(64), "{run:?}");
    assert!(run.stderr.contains("the same broker"), "{run:?}");
    assert!(!state.exists(), "nothing was begun");
}
