//! Every cause, from facts that are written down.

use super::*;
use crate::base::Millis;

const NOW: Millis = Millis(1_000_000);

fn ago(ms: u64) -> Millis {
    Millis(NOW.0 - ms)
}

fn names(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.name).collect()
}

#[track_caller]
fn the(findings: &[Finding], name: &str) -> Finding {
    let found = findings.iter().find(|finding| finding.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {findings:#?}")).clone()
}

fn queue(facts: &QueueFacts) -> Vec<Finding> {
    explain_queue(NOW, facts)
}

/// Ten messages that wait for two minutes.
fn waiting() -> QueueFacts {
    let oldest_ready = Some(OldestReady { at: ago(120_000), or_before: false });
    QueueFacts { ready: 10, oldest_ready, ..QueueFacts::default() }
}

fn consumer(tag: &str, unacknowledged: u32) -> ConsumerFacts {
    ConsumerFacts {
        tag: tag.to_owned(),
        channel: "1.2.3.4:5 -> 6.7.8.9:5672 (1)".to_owned(),
        ack_required: true,
        prefetch: 5,
        unacknowledged,
        oldest_at: (unacknowledged > 0).then(|| ago(90_000)),
        newest_at: (unacknowledged > 0).then(|| ago(30_000)),
        active: true,
        ..ConsumerFacts::default()
    }
}

#[test]
fn a_queue_that_is_empty_or_served_has_nothing_to_explain() {
    assert_eq!(queue(&QueueFacts::default()), []);
    let idle = QueueFacts { consumers: vec![consumer("a", 0)], ..QueueFacts::default() };
    assert_eq!(queue(&idle), []);
    let served = QueueFacts { consumers: vec![consumer("a", 2)], ..waiting() };
    assert_eq!(names(&queue(&served)), ["draining"]);
    assert_eq!(queue(&served)[0].severity, Severity::Info);
}

#[test]
fn a_queue_without_a_consumer_says_so_and_since_when() {
    let found = the(&queue(&waiting()), "no-consumer");
    assert_eq!(found.cause, "10 messages wait, the oldest for 2 min, and nobody consumes");
    assert_eq!((found.since, found.severity), (Some(ago(120_000)), Severity::Warning));
    let before = OldestReady { at: ago(5_000), or_before: true };
    let older = QueueFacts { ready: 1, oldest_ready: Some(before), ..QueueFacts::default() };
    let cause = the(&queue(&older), "no-consumer").cause;
    assert_eq!(cause, "1 message waits, the oldest for more than 5 s, and nobody consumes");
    let exclusive = QueueFacts { is_exclusive: true, ..waiting() };
    let cause = the(&queue(&exclusive), "no-consumer").cause;
    assert!(
        cause.ends_with("the connection that owns this exclusive queue consumes nothing"),
        "{cause}"
    );
}

#[test]
fn consumers_that_are_slower_than_the_publishers_are_told_with_both_rates() {
    let rates = Rates { publish: 100.0, deliver: 40.0, ack: 40.0, growth: 60.0 };
    let facts = QueueFacts {
        consumers: vec![consumer("a", 1), consumer("b", 1)],
        rates: Some(rates),
        ..waiting()
    };
    let found = the(&queue(&facts), "consumers-slower");
    let words = "100/s come in and 40/s are worked off by 2 consumers, so the queue grows by 60/s";
    assert!(found.cause.contains(words), "{}", found.cause);
    let shrinking = Rates { growth: -1.0, ..rates };
    let facts = QueueFacts { rates: Some(shrinking), ..facts };
    assert_eq!(names(&queue(&facts)), ["draining"]);
}

#[test]
fn consumers_at_their_prefetch_are_told_with_the_slowest_one_and_its_age() {
    let mut slow = consumer("slow", 5);
    slow.oldest_at = Some(ago(600_000));
    let facts = QueueFacts { consumers: vec![consumer("a", 5), slow], ..waiting() };
    let found = the(&queue(&facts), "all-at-prefetch");
    let words = "all 2 consumers hold as much as their prefetch allows; 'slow' \
                 (1.2.3.4:5 -> 6.7.8.9:5672 (1)) holds 5 of 5 unacknowledged messages, the oldest for 10 min";
    assert!(found.cause.contains(words), "{}", found.cause);
    assert_eq!(found.since, Some(ago(30_000)), "since the last of them was filled");
    let some = QueueFacts { consumers: vec![consumer("a", 5), consumer("b", 4)], ..waiting() };
    assert_eq!(names(&queue(&some)), ["draining"], "one can still take something");
}

#[test]
fn consumers_that_are_held_are_told_by_what() {
    let slow = ConsumerFacts { held: Held::Connection, ..consumer("a", 1) };
    let shared = ConsumerFacts { held: Held::SharedPrefetch(3), ..consumer("b", 1) };
    let facts = QueueFacts { consumers: vec![slow, shared, consumer("c", 5)], ..waiting() };
    let cause = the(&queue(&facts), "consumers-held").cause;
    let words = "of 3 consumers 1 does not take what is on its way to it, 1 is at the limit that its \
                 channel's consumers share, 1 is at its prefetch";
    assert!(cause.ends_with(words), "{cause}");
}

#[test]
fn a_single_active_consumer_that_is_stuck_holds_up_those_that_stand_by() {
    let standby = ConsumerFacts { active: false, ..consumer("b", 0) };
    let facts = QueueFacts {
        single_active: true,
        consumers: vec![consumer("a", 5), standby.clone()],
        ..waiting()
    };
    let found = the(&queue(&facts), "single-active-stuck");
    assert!(found.cause.contains("the single active consumer 'a'"), "{}", found.cause);
    assert!(found.cause.ends_with("1 other stands by and is given nothing"), "{}", found.cause);
    let served = QueueFacts { consumers: vec![consumer("a", 4), standby], ..facts };
    assert_eq!(names(&queue(&served)), ["draining"]);
}

#[test]
fn an_exclusive_consumer_is_named_as_the_reason_why_no_other_helps() {
    let alone = ConsumerFacts { exclusive: true, ..consumer("a", 1) };
    let facts = QueueFacts { consumers: vec![alone], ..waiting() };
    assert_eq!(names(&queue(&facts)), ["draining", "exclusive-consumer"]);
}

#[test]
fn time_outs_that_were_and_that_are_near_are_told() {
    let near = ConsumerFacts { timeout_ms: Some(100_000), ..consumer("a", 1) };
    let far = ConsumerFacts { timeout_ms: Some(1_000_000), ..consumer("b", 1) };
    let facts = QueueFacts {
        consumers: vec![near, far],
        timed_out: Some((2, ago(60_000))),
        ..QueueFacts::default()
    };
    let found = queue(&facts);
    assert_eq!(names(&found), ["consumer-timed-out", "consumer-timeout-near"]);
    assert!(found[0].cause.starts_with("2 consumers were cancelled"), "{}", found[0].cause);
    assert!(found[1].cause.contains("is cancelled in 10 s"), "{}", found[1].cause);
}

#[test]
fn messages_that_wait_for_something_else_are_told_by_what() {
    let facts = QueueFacts {
        delayed: Some((3, Some(Millis(NOW.0 + 4_000)))),
        head_expires: Some(Millis(NOW.0 + 9_000)),
        unowned: Some((1, ago(7_000))),
        departing: 2,
        ..QueueFacts::default()
    };
    let found = queue(&facts);
    assert!(the(&found, "delayed").cause.ends_with("the first is ready in 4 s"));
    assert_eq!(the(&found, "head-expires").cause, "the message at the head expires in 9 s");
    assert_eq!(the(&found, "held-without-consumer").since, Some(ago(7_000)));
    assert!(the(&found, "dead-letters-leaving").cause.starts_with("2 messages are on their way"));
    let over = QueueFacts { head_expires: Some(ago(1)), ..QueueFacts::default() };
    assert_eq!(queue(&over), [], "what has expired is given up with the next look");
}

#[test]
fn every_way_in_which_messages_vanish_has_its_reason() {
    let vanished = VanishedFacts {
        expired: 1,
        max_length: 2,
        rejected: 3,
        delivery_limit: 4,
        refused: 5,
        lost: 6,
        duplicates: 7,
        dead_letter_exchange: Some("dlx".to_owned()),
        no_exchange: 8,
        unroutable: 9,
        circling: 10,
        not_taken: 11,
        unreadable: 12,
        ttl_ms: Some(5_000),
        limits: "max-length 10".to_owned(),
    };
    let found = queue(&QueueFacts { vanished, ..QueueFacts::default() });
    for (name, words) in [
        (
            "dropped-expired",
            "1 message was dropped because they waited longer than the time to live of the queue, 5 s",
        ),
        (
            "dropped-max-length",
            "2 messages were dropped from the head because the queue was full (max-length 10)",
        ),
        ("dropped-rejected", "3 messages were rejected"),
        ("dropped-delivery-limit", "4 messages were dropped because they failed"),
        ("refused-full", "5 messages were refused"),
        ("messages-lost", "6 messages cannot be read back"),
        ("dropped-duplicates", "7 messages were dropped as duplicates"),
        (
            "dead-letter-no-exchange",
            "8 dead letters were lost because the dead-letter exchange 'dlx' does not exist",
        ),
        (
            "dead-letter-unroutable",
            "9 dead letters were lost because the dead-letter exchange 'dlx' leads to no queue",
        ),
        ("dead-letter-circle", "10 dead letters"),
        ("dead-letter-refused", "11 dead letters"),
        ("dead-letter-unreadable", "12 dead letters"),
    ] {
        let cause = the(&found, name).cause;
        assert!(cause.starts_with(words), "{name}: {cause}");
    }
    assert_eq!(found.len(), 12);
    assert!(found.is_sorted_by_key(|finding| finding.severity), "the worst first");
}

#[test]
fn a_queue_on_disk_and_one_that_waits_for_the_disk_say_so() {
    let long = QueueFacts {
        away: 5_000,
        disk_bytes: 9_000_000,
        ram_bytes: 1_000,
        ..QueueFacts::default()
    };
    let cause = the(&queue(&long), "on-disk").cause;
    assert!(
        cause.contains("bodies of 9.0 MB lie on disk only and 1.0 kB are in RAM; 5000 of them"),
        "{cause}"
    );
    let paging = QueueFacts { waits_for_page: true, ..QueueFacts::default() };
    assert_eq!(names(&queue(&paging)), ["paging-in"]);
    let waits = |log| QueueFacts {
        waiting_for_disk: 3,
        broker: BrokerFacts { log, ..BrokerFacts::default() },
        ..QueueFacts::default()
    };
    assert_eq!(the(&queue(&waits(LogFacts::KeepsUp)), "waits-for-disk").severity, Severity::Info);
    let full = the(&queue(&waits(LogFacts::Full)), "waits-for-disk");
    assert_eq!(
        (full.cause.as_str(), full.severity),
        ("3 publishes wait for the disk, which is full", Severity::Critical)
    );
    let failed = the(&queue(&waits(LogFacts::Failed("EIO".to_owned()))), "waits-for-disk").cause;
    assert!(failed.ends_with("EIO"), "{failed}");
    assert_eq!(names(&queue(&waits(LogFacts::None))), Vec::<&str>::new());
}

#[test]
fn a_crashed_queue_says_nothing_else() {
    let facts = QueueFacts { is_crashed: true, ..waiting() };
    assert_eq!(names(&queue(&facts)), ["crashed"]);
}

fn memory_alarm() -> BrokerFacts {
    BrokerFacts {
        memory: MemoryFacts {
            alarm_since: Some(ago(20_000)),
            used_bytes: 120_000_000,
            watermark_bytes: 100_000_000,
            clears_below_bytes: 90_000_000,
        },
        ..BrokerFacts::default()
    }
}

#[test]
fn alarms_are_told_with_their_figures_and_the_disk_by_what_is_wrong_with_it() {
    let told = alarms(NOW, &memory_alarm());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0.resource(), "memory");
    assert_eq!(
        told[0].1.cause,
        "memory alarm for 20 s: waiting messages take 120.0 MB of RAM, the watermark is 100.0 MB, and \
         publishers go on below 90.0 MB"
    );
    let disk = |log, free_bytes| {
        let alarm_since = Some(ago(1_000));
        let disk = DiskFacts { alarm_since, free_bytes, limit_bytes: 50_000_000 };
        let told = alarms(NOW, &BrokerFacts { disk, log, ..BrokerFacts::default() });
        assert_eq!(told[0].0.resource(), "disk");
        told[0].1.cause.clone()
    };
    assert!(disk(LogFacts::KeepsUp, Some(7_000_000)).contains("7.0 MB are free"));
    assert!(disk(LogFacts::KeepsUp, None).contains("less than disk_free_limit (50.0 MB)"));
    assert!(disk(LogFacts::Full, Some(0)).contains("the disk is full"));
    assert!(disk(LogFacts::Failed("EIO".to_owned()), None).contains("failed for good: EIO"));
    assert_eq!(alarms(NOW, &BrokerFacts::default()), []);
}

fn connection(facts: &ConnectionFacts) -> Vec<Finding> {
    explain_connection(NOW, facts)
}

fn answered() -> ConnectionFacts {
    ConnectionFacts {
        answered: true,
        unwritten_bytes_max: (1_000_000, 4_000_000),
        wrote_at: Some(ago(2_000)),
        received_at: Some(ago(2_000)),
        ..ConnectionFacts::default()
    }
}

#[test]
fn a_connection_that_moves_has_nothing_to_explain() {
    assert_eq!(connection(&answered()), []);
    let silent = connection(&ConnectionFacts::default());
    assert_eq!(names(&silent), ["no-answer"]);
}

#[test]
fn a_publisher_is_blocked_by_an_alarm_and_others_would_be() {
    let blocked = ConnectionFacts {
        broker: memory_alarm(),
        blocked_since: Some(ago(5_000)),
        has_published: true,
        ..answered()
    };
    let found = the(&connection(&blocked), "memory-alarm");
    assert!(
        found.cause.starts_with("publishing is blocked: memory alarm for 20 s"),
        "{}",
        found.cause
    );
    assert_eq!((found.since, found.severity), (Some(ago(5_000)), Severity::Critical));
    let not_yet = ConnectionFacts { blocked_since: None, has_published: false, ..blocked };
    let found = the(&connection(&not_yet), "would-block");
    assert_eq!((found.severity, found.since), (Severity::Info, Some(ago(20_000))));
}

#[test]
fn a_publisher_waits_for_a_log_that_is_behind() {
    let log = LogFacts::Behind(4_000_000);
    let broker = BrokerFacts { log, ..BrokerFacts::default() };
    let facts = ConnectionFacts { broker, waits_for_log: true, has_published: true, ..answered() };
    assert!(the(&connection(&facts), "log-behind").cause.contains("more than 4.0 MB"));
    let other = ConnectionFacts { waits_for_log: false, ..facts };
    assert_eq!(connection(&other), [], "it has not published");
}

#[test]
fn a_client_that_does_not_read_is_told_by_what_waits_for_its_socket() {
    let facts = |unwritten_bytes| ConnectionFacts { unwritten_bytes, ..answered() };
    assert_eq!(connection(&facts(999_999)), []);
    let slow = the(&connection(&facts(2_000_000)), "client-not-reading");
    assert_eq!((slow.severity, slow.since), (Severity::Warning, Some(ago(2_000))));
    assert!(slow.cause.contains("2.0 MB wait for its socket"), "{}", slow.cause);
    let stuck = the(&connection(&facts(5_000_000)), "client-not-reading");
    assert_eq!(stuck.severity, Severity::Critical);
    assert!(stuck.cause.contains("nothing of what it sends is read either"), "{}", stuck.cause);
    let choked =
        ConnectionFacts { answered: false, choked_since: Some(ago(50_000)), ..facts(500_000) };
    let found = connection(&choked);
    assert_eq!((names(&found), found[0].since), (vec!["client-not-reading"], Some(ago(50_000))));
}

#[test]
fn a_late_heartbeat_is_told_before_it_ends_the_connection() {
    let facts = |silent_ms, heartbeat_s| ConnectionFacts {
        heartbeat_s,
        received_at: Some(ago(silent_ms)),
        ..answered()
    };
    assert_eq!(connection(&facts(10_000, 10)), []);
    let late = the(&connection(&facts(15_000, 10)), "heartbeat-late");
    assert!(late.cause.contains("closed in 5 s"), "{}", late.cause);
    assert_eq!(connection(&facts(15_000, 0)), [], "none was agreed on");
    let held = ConnectionFacts { blocked_since: Some(ago(1)), ..facts(15_000, 10) };
    assert_eq!(connection(&held), [], "what is not read may not be silent");
}

#[test]
fn closed_channels_open_questions_and_commits_are_told() {
    let reason = "404 NOT_FOUND - no queue 'x' in vhost '/'".to_owned();
    let facts = ConnectionFacts {
        channel_failures: vec![ChannelFailure { channel: 3, at: ago(9_000), reason }],
        asked: Some(("queue.declare".to_owned(), ago(4_000))),
        uncommitted: 2,
        unconfirmed: 1,
        is_closing: true,
        ..answered()
    };
    let found = connection(&facts);
    let all = ["closing", "channel-closed", "waits-for-answer", "uncommitted", "unconfirmed"];
    assert_eq!(names(&found), all);
    let cause = &found[1].cause;
    assert_eq!(cause, "channel 3 was closed 9 s ago: 404 NOT_FOUND - no queue 'x' in vhost '/'");
    assert_eq!(
        found[2].cause,
        "queue.declare is not answered for 4 s; nothing behind it is worked off until it is"
    );
}

#[test]
fn an_idle_consumer_is_told_why() {
    let facts = |ready, consumer| ConnectionFacts {
        consumers: vec![Consuming { queue: "订单".to_owned(), ready, consumer }],
        ..answered()
    };
    let full = the(&connection(&facts(7, consumer("a", 5))), "consumer-at-prefetch");
    assert_eq!(
        full.cause,
        "consumer 'a' (1.2.3.4:5 -> 6.7.8.9:5672 (1)) of queue '订单' is idle because its prefetch is full: it \
         holds 5 of 5 unacknowledged messages, the oldest for 1 min 30 s and 7 messages wait"
    );
    assert_eq!((full.severity, full.since), (Severity::Warning, Some(ago(30_000))));
    let nothing_waits = the(&connection(&facts(0, consumer("a", 5))), "consumer-at-prefetch");
    assert_eq!(nothing_waits.severity, Severity::Info);
    for (ready, held, active, name) in [
        (1, Held::SharedPrefetch(4), true, "shared-prefetch-full"),
        (1, Held::Connection, true, "consumer-held"),
        (1, Held::No, false, "stands-by"),
        (0, Held::No, true, "queue-empty"),
    ] {
        let one = ConsumerFacts { active, held, ..consumer("a", 1) };
        assert_eq!(names(&connection(&facts(ready, one))), [name]);
    }
    assert_eq!(connection(&facts(1, consumer("a", 1))), [], "it works");
    let more = ConnectionFacts { consumers_left_out: 9, ..answered() };
    assert_eq!(names(&connection(&more)), ["left-out"]);
}

#[test]
fn what_a_test_has_ordered_is_named_with_what_it_does_and_how_it_ends() {
    let fault = |hits, blocks: Option<&str>| FaultFacts {
        id: 3,
        kind: if blocks.is_some() { "block" } else { "confirm_drop" },
        does: "confirms do not come",
        hits,
        blocks: blocks.map(str::to_owned),
    };
    let asked = |fault: FaultFacts, blocked_since| {
        let faults = vec![fault];
        let facts = ConnectionFacts { answered: true, faults, blocked_since, ..Default::default() };
        the(&explain_connection(NOW, &facts), "fault")
    };
    let blocked = asked(fault(1, Some("out of cake")), Some(ago(5)));
    assert_eq!(
        blocked.cause,
        "publishing is blocked by fault 3 (block), which a test has ordered: clients are told 'out of cake'"
    );
    assert_eq!(blocked.severity, Severity::Critical);
    assert_eq!(blocked.fix, "withdraw it: DELETE /api/haremq/test/faults/3");
    let would = asked(fault(0, Some("out of cake")), None);
    assert_eq!(would.severity, Severity::Warning);
    let struck = asked(fault(2, None), None);
    assert_eq!(
        struck.cause,
        "confirms do not come by fault 3 (confirm_drop), which a test has ordered: it has struck 2 times"
    );
    let waits = asked(fault(0, None), None);
    assert_eq!(waits.severity, Severity::Info, "{}", waits.cause);
    let facts = QueueFacts { faults: vec![fault(2, None)], ..QueueFacts::default() };
    assert_eq!(the(&queue(&facts), "fault").cause, struck.cause);
}
