//! Policies: what is refused, which ones are in force, and what comes out.
//!
//! The texts and the merges were compared with RabbitMQ 3.10.8 and, for the keys that came later, with
//! the sources of 4.x.

use super::*;
use crate::base::limits::EXPIRY_MS_MAX;
use crate::base::{ExchangeName, FieldTable, FieldValue, PolicyName, ShortStr};

fn table(entries: &[(&str, FieldValue)]) -> FieldTable {
    let short = |key: &str| ShortStr::try_from(key).expect("a short key");
    entries.iter().map(|(key, value)| (short(key), value.clone())).collect()
}

fn number(n: i64) -> FieldValue {
    FieldValue::I64(n)
}

fn text(text: &str) -> FieldValue {
    FieldValue::text(text)
}

fn name(text: &str) -> PolicyName {
    PolicyName::try_from(text).expect("a short name")
}

fn value(
    pattern: &str,
    apply_to: &str,
    priority: i64,
    settings: &[(&str, FieldValue)],
) -> FieldTable {
    Policy::table(pattern, apply_to, priority, FieldValue::Table(table(settings)))
}

fn parse(kind: PolicyKind, value: &FieldTable) -> Result<Policy, String> {
    Policy::parse(kind, name("p"), value).map_err(|error| error.to_string())
}

fn refused(kind: PolicyKind, settings: &[(&str, FieldValue)]) -> String {
    let error = parse(kind, &value(".*", "all", 0, settings)).expect_err("a bad policy");
    let line = error.strip_prefix("Validation failed\n\n").expect("RabbitMQ's first line");
    line.strip_suffix('\n').expect("RabbitMQ's last line feed").to_owned()
}

#[derive(Default)]
struct Set(PolicySet);

impl Set {
    fn with(self, policy: &str, priority: i64, settings: &[(&str, FieldValue)]) -> Self {
        self.put(PolicyKind::User, policy, &value(".*", "all", priority, settings))
    }

    fn with_operator(self, settings: &[(&str, FieldValue)]) -> Self {
        self.put(PolicyKind::Operator, "operator", &value(".*", "queues", 0, settings))
    }

    fn put(mut self, kind: PolicyKind, policy: &str, value: &FieldTable) -> Self {
        let policy = Policy::parse(kind, name(policy), value).expect("a good policy");
        self.0.put(kind, policy);
        self
    }

    fn queue(&self, arguments: &[(&str, FieldValue)]) -> QueueEffective {
        QueueEffective::new(&self.0, "q", &table(arguments))
    }

    fn policy_of(&self, subject: Subject<'_>) -> Option<String> {
        self.0.matching(subject).policy.map(|policy| policy.name.to_string())
    }
}

#[test]
fn every_key_refuses_a_bad_value_in_rabbitmqs_words() {
    let cases: &[(&str, FieldValue, &str)] = &[
        ("alternate-exchange", number(1), "1 is not a valid alternate exchange name"),
        (
            "consumer-disconnected-timeout",
            number(-1),
            "-1 is not a valid consumer disconnected timeout",
        ),
        ("consumer-timeout", text("7"), "<<\"7\">> is not a valid consumer timeout"),
        ("dead-letter-exchange", number(1), "1 is not a valid dead letter exchange name"),
        ("dead-letter-routing-key", number(1), "1 is not a valid dead letter routing key"),
        ("dead-letter-strategy", text("x"), "<<\"x\">> is not a valid dead letter strategy"),
        ("delayed-retry-max", number(-1), "-1 is not a valid delayed retry max value"),
        ("delayed-retry-min", number(-1), "-1 is not a valid delayed retry min value"),
        ("delayed-retry-type", text("x"), "<<\"x\">> is not a valid delayed retry type value"),
        ("delivery-limit", number(-2), "-2 is not a valid delivery limit"),
        ("expires", number(0), "0 is not a valid queue expiry"),
        ("federation-upstream", number(1), "1 is not a valid federation upstream name"),
        ("federation-upstream-set", number(1), "1 is not a valid federation upstream set name"),
        ("initial-cluster-size", number(-1), "-1 is not a valid cluster size"),
        ("max-age", text("7"), "<<\"7\">> is not a valid max age"),
        ("max-in-memory-bytes", number(-1), "-1 is not a valid maximum memory in bytes"),
        ("max-in-memory-length", number(-1), "-1 is not a valid maximum memory in bytes"),
        ("max-length", number(-1), "-1 is not a valid maximum length"),
        ("max-length-bytes", text("x"), "<<\"x\">> is not a valid maximum length in bytes"),
        ("message-ttl", FieldValue::F64((-1.5f64).to_bits()), "-1.5 is not a valid message TTL"),
        ("overflow", FieldValue::Boolean(true), "true is not a valid overflow value"),
        ("queue-leader-locator", text("x"), "<<\"x\">> is not a valid queue leader locator value"),
        ("queue-master-locator", text("x"), "<<\"x\">> invalid queue-master-locator value"),
        ("queue-mode", text("x"), "<<\"x\">> is not a valid queue-mode value"),
        ("queue-version", number(3), "3 is not a valid queue-version value"),
        (
            "stream-filter-size-bytes",
            number(15),
            "15 is not a valid filter size. Valid range is 16-255",
        ),
        ("stream-max-segment-size-bytes", number(-3), "-3 is not a valid segment size"),
        ("target-group-size", number(0), "0 is not a valid qq target count value"),
    ];
    for (key, value, expected) in cases {
        assert_eq!(refused(PolicyKind::User, &[(key, value.clone())]), *expected);
    }
}

#[test]
fn good_values_of_every_kind_are_taken() {
    let good = [
        ("max-age", text("7D")),
        ("expires", number(1)),
        ("delivery-limit", number(-1)),
        ("overflow", text("reject-publish-dlx")),
        ("queue-mode", text("lazy")),
        ("stream-filter-size-bytes", number(255)),
    ];
    let policy = parse(PolicyKind::User, &value(".*", "all", -7, &good)).expect("a good policy");
    assert_eq!(policy.definition.settings().len(), good.len());
    assert_eq!(parse(PolicyKind::User, &policy.to_table()), Ok(policy));
}

#[test]
fn unknown_keys_are_named_together_after_bad_values() {
    let inner = FieldValue::Table(table(&[("b", FieldValue::Void)]));
    let list = FieldValue::Array(vec![number(1), inner]);
    let unknown = [("foo", text("bar")), ("max-length", number(5)), ("a", list)];
    assert_eq!(
        refused(PolicyKind::User, &unknown),
        "[{<<\"a\">>,[1,#{<<\"b\">> => null}]},{<<\"foo\">>,<<\"bar\">>}] are not recognised policy \
         settings"
    );
    let both = [("foo", text("bar")), ("max-length", number(-5))];
    assert_eq!(refused(PolicyKind::User, &both), "-5 is not a valid maximum length");
    assert_eq!(refused(PolicyKind::User, &[]), "no policy provided");
    let twice = [("expires", number(1)), ("expires", number(1))];
    assert_eq!(refused(PolicyKind::User, &twice), "[<<\"expires\">>] duplicate keys not allowed");
}

#[test]
fn an_operator_policy_may_set_limits_only() {
    for key in ["expires", "message-ttl", "max-length", "max-length-bytes", "delivery-limit"] {
        let value = value(".*", "queues", 0, &[(key, number(1))]);
        assert!(parse(PolicyKind::Operator, &value).is_ok(), "{key}");
    }
    assert_eq!(
        refused(PolicyKind::Operator, &[("dead-letter-exchange", text("dlx"))]),
        "[{<<\"dead-letter-exchange\">>,<<\"dlx\">>}] are not recognised policy settings"
    );
}

#[test]
fn everything_that_is_wrong_is_told_from_the_last_to_the_first() {
    let bad = value("a(", "nothing", 0, &[("message-ttl", text("x"))]);
    assert_eq!(
        parse(PolicyKind::User, &bad),
        Err("Validation failed\n\n<<\"x\">> is not a valid message TTL\n\
             apply-to 'nothing' unrecognised; should be one of: 'queues', 'classic_queues',  \
             'quorum_queues', 'streams', 'exchanges', or 'all'\n\
             pattern should be regular expression but is invalid: 'a(' is not a usable regular \
             expression: unclosed group\n"
            .to_owned())
    );
    let odd = table(&[("priority", text("high")), ("colour", text("red"))]);
    assert_eq!(
        parse(PolicyKind::User, &odd),
        Err("Validation failed\n\nUnrecognised terms [{<<\"colour\">>,<<\"red\">>}] in p\n\
             Key \"definition\" not found in p\nKey \"pattern\" not found in p\n\
             priority should be a number, actually was <<\"high\">>\n"
            .to_owned())
    );
    let no_table = table(&[("pattern", number(1)), ("definition", number(2))]);
    assert_eq!(
        parse(PolicyKind::User, &no_table),
        Err("Validation failed\n\ndefinition must be a dictionary: 2\n\
             pattern should be a binary but was 1\n"
            .to_owned())
    );
}

#[test]
fn a_pattern_of_another_engine_is_refused_with_its_reason() {
    let look_behind = value("^(?<!a)b", "all", 0, &[("expires", number(1))]);
    let error = parse(PolicyKind::User, &look_behind).expect_err("not of this engine");
    assert!(
        error.contains("'^(?<!a)b' is not a usable regular expression: look-around"),
        "{error}"
    );
}

#[test]
fn the_highest_priority_is_in_force_and_of_equal_ones_the_first_by_name() {
    let expires = |n| [("expires", number(n))];
    let set = Set::default().with("c", 1, &expires(1)).with("b", 1, &expires(2));
    let queue = Subject::Queue("q", QueueType::Classic);
    assert_eq!(set.policy_of(queue), Some("b".to_owned()));
    let set = set.with("z", 2, &expires(3)).with("a", -1, &expires(4));
    assert_eq!(set.policy_of(queue), Some("z".to_owned()));
    let mut set = set;
    assert!(set.0.remove(PolicyKind::User, &name("z")));
    assert!(!set.0.remove(PolicyKind::User, &name("z")));
    assert_eq!(set.policy_of(queue), Some("b".to_owned()));
}

#[test]
fn a_policy_is_for_what_it_applies_to_and_whose_name_matches() {
    let things = [
        ("classic", Subject::Queue("a.q", QueueType::Classic)),
        ("quorum", Subject::Queue("a.q", QueueType::Quorum)),
        ("exchange", Subject::Exchange("a.x")),
        ("other", Subject::Queue("b.q", QueueType::Classic)),
    ];
    let cases: &[(&str, &[&str])] = &[
        ("all", &["classic", "quorum", "exchange"]),
        ("queues", &["classic", "quorum"]),
        ("classic_queues", &["classic"]),
        ("quorum_queues", &["quorum"]),
        ("streams", &[]),
        ("exchanges", &["exchange"]),
    ];
    for (apply_to, expected) in cases {
        let value = value("^a\\.", apply_to, 0, &[("expires", number(1))]);
        let set = Set::default().put(PolicyKind::User, "p", &value);
        let found = things.iter().filter(|(_, thing)| set.policy_of(*thing).is_some());
        let found: Vec<&str> = found.map(|(what, _)| *what).collect();
        assert_eq!(found, *expected, "{apply_to}");
    }
    let everything = value("", "all", 0, &[("expires", number(1))]);
    let set = Set::default().put(PolicyKind::User, "p", &everything);
    assert!(things.iter().all(|(_, thing)| set.policy_of(*thing).is_some()), "the empty pattern");
}

#[test]
fn a_policy_with_a_key_that_the_type_does_not_know_gives_way_to_the_next() {
    let limits = [("delivery-limit", number(3)), ("max-length", number(5))];
    let set = Set::default().with("a", 5, &limits).with("b", 1, &[("max-length", number(7))]);
    assert_eq!(set.policy_of(Subject::Queue("q", QueueType::Classic)), Some("b".to_owned()));
    assert_eq!(set.policy_of(Subject::Queue("q", QueueType::Quorum)), Some("a".to_owned()));
}

#[test]
fn the_lowest_limit_counts_whoever_set_it() {
    let keys = ["message-ttl", "expires", "max-length", "max-length-bytes"];
    let values = |effective: &QueueEffective| {
        [
            effective.message_ttl_ms.clone(),
            effective.expires_ms.clone(),
            effective.max_length.clone(),
            effective.max_length_bytes.clone(),
        ]
    };
    for (at, key) in keys.into_iter().enumerate() {
        let set = Set::default().with("p", 0, &[(key, number(20))]);
        let argument = format!("x-{key}");
        let seen = |set: &Set, given: Option<i64>| {
            let given = given.map(|n| (argument.as_str(), number(n)));
            let setting = values(&set.queue(given.as_slice()))[at].clone();
            (setting.value, setting.origin)
        };
        assert_eq!(seen(&Set::default(), None), (None, Origin::Default));
        assert_eq!(seen(&Set::default(), Some(5)), (Some(5), Origin::Argument));
        assert_eq!(seen(&set, None), (Some(20), Origin::Policy));
        assert_eq!(seen(&set, Some(30)), (Some(20), Origin::Policy));
        assert_eq!(seen(&set, Some(10)), (Some(10), Origin::Argument));
        let set = set.with_operator(&[(key, number(15))]);
        assert_eq!(seen(&set, None), (Some(15), Origin::OperatorPolicy));
        assert_eq!(seen(&set, Some(10)), (Some(10), Origin::Argument));
        let set = set.with("p", 0, &[(key, number(12))]);
        assert_eq!(seen(&set, Some(30)), (Some(12), Origin::Policy));
    }
}

#[test]
fn everything_else_is_the_arguments_then_the_operators_then_the_policys() {
    let settings = [
        ("dead-letter-exchange", text("by-policy")),
        ("dead-letter-routing-key", text("key")),
        ("overflow", text("reject-publish")),
    ];
    let set = Set::default().with("p", 0, &settings);
    let plain = set.queue(&[]);
    assert_eq!(plain.policy, Some(name("p")));
    assert_eq!(plain.dead_letter_exchange.value.expect("set").as_str(), "by-policy");
    assert_eq!(plain.overflow, Setting { value: Overflow::RejectPublish, origin: Origin::Policy });
    let own = set.queue(&[
        ("x-dead-letter-exchange", text("own")),
        ("x-overflow", text("reject-publish-dlx")),
    ]);
    assert_eq!(own.dead_letter_exchange.origin, Origin::Argument);
    assert_eq!(own.dead_letter_exchange.value.expect("set").as_str(), "own");
    assert_eq!(own.dead_letter_routing_key.origin, Origin::Policy, "each key for itself");
    assert_eq!(own.overflow.value, Overflow::RejectPublishDlx);
    let set = set.with_operator(&[("overflow", text("drop-head"))]);
    let bounded = set.queue(&[]);
    assert_eq!(bounded.operator_policy, Some(name("operator")));
    assert_eq!(bounded.overflow.value, Overflow::DropHead);
    assert_eq!(bounded.overflow.origin, Origin::OperatorPolicy);
}

#[test]
fn a_delivery_limit_is_lower_than_none_and_quorum_queues_have_one() {
    let quorum = ("x-queue-type", text("quorum"));
    let limit = |set: &Set, arguments: &[(&str, FieldValue)]| set.queue(arguments).delivery_limit;
    assert_eq!(limit(&Set::default(), &[]).value, None);
    assert_eq!(limit(&Set::default(), std::slice::from_ref(&quorum)).value, Some(20));
    let off = ("x-delivery-limit", number(-1));
    assert_eq!(limit(&Set::default(), &[quorum.clone(), off.clone()]).value, None);
    let set = Set::default().with("p", 0, &[("delivery-limit", number(-1))]);
    assert_eq!(limit(&set, std::slice::from_ref(&quorum)).value, None);
    let set = set.with_operator(&[("delivery-limit", number(3))]);
    let bounded = limit(&set, &[quorum, off]);
    assert_eq!((bounded.value, bounded.origin), (Some(3), Origin::OperatorPolicy));
}

#[test]
fn a_time_beyond_every_timer_is_the_longest_there_is() {
    let set = Set::default().with("p", 0, &[("message-ttl", number(i64::MAX))]);
    assert_eq!(set.queue(&[]).message_ttl_ms.value, Some(EXPIRY_MS_MAX));
}

#[test]
fn delayed_retries_of_policy_and_argument() {
    let settings = [("delayed-retry-type", text("failed")), ("delayed-retry-min", number(100))];
    let set = Set::default().with("p", 0, &settings);
    let quorum = ("x-queue-type", text("quorum"));
    let retry = set.queue(std::slice::from_ref(&quorum)).delayed_retry;
    let expected = DelayedRetry { kind: DelayedRetryKind::Failed, min_ms: 100, max_ms: u32::MAX };
    assert_eq!(retry, Setting { value: expected, origin: Origin::Policy });
    let own = [
        quorum,
        ("x-delayed-retry-type", text("all")),
        ("x-delayed-retry-min", number(500)),
        ("x-delayed-retry-max", number(50)),
    ];
    let expected = DelayedRetry { kind: DelayedRetryKind::All, min_ms: 500, max_ms: 500 };
    assert_eq!(set.queue(&own).delayed_retry.value, expected, "the longest is no shorter");
}

#[test]
fn an_alternate_exchange_is_the_arguments_and_then_the_policys() {
    let set = Set::default().with("p", 0, &[("alternate-exchange", text("by-policy"))]);
    let effective = |arguments| ExchangeEffective::new(&set.0, "x", &table(arguments));
    let by_policy = effective(&[]);
    assert_eq!(by_policy.policy, Some(name("p")));
    assert_eq!(by_policy.alternate_by_policy().map(ExchangeName::as_str), Some("by-policy"));
    let own = effective(&[("alternate-exchange", text("own"))]);
    assert_eq!(own.alternate_exchange.origin, Origin::Argument);
    assert_eq!(own.alternate_by_policy(), None, "the table knows the argument itself");
}
