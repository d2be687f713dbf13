//! The `x-…` arguments of queues: which values are refused, and when a second declare differs
//! (docs/reply-codes.md, queues).

use crate::support::methods::queue::{AUTO_DELETE, EXCLUSIVE};
use crate::support::methods::{DURABLE, queue};
use crate::support::{RawClient, Table, id, refusal, unique};

/// A declare with these arguments is refused with this reason.
fn is_invalid(arguments: Table, key: &str, reason: &str) {
    let name = unique("invalid");
    let text = format!(
        "PRECONDITION_FAILED - invalid arg '{key}' for queue '{name}' in vhost '/': {reason}"
    );
    let declare = queue::declare(&name).with(DURABLE).arguments(arguments);
    RawClient::with_channel().refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    for key in ["x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes"] {
        is_invalid(Table::new().text(key, "1"), key, "\"expected integer, got longstr\"");
    }
    for key in ["x-dead-letter-routing-key", "x-overflow"] {
        let arguments = Table::new().text("x-dead-letter-exchange", "amq.fanout").int(key, 1);
        is_invalid(arguments, key, "{unacceptable_type,signedint}");
    }
    let key = "x-max-priority";
    is_invalid(Table::new().bool(key, true), key, "\"expected integer, got bool\"");
    let key = "x-single-active-consumer";
    is_invalid(Table::new().int(key, 1), key, "{unacceptable_type,signedint}");
}

#[test]
fn a_negative_value_is_refused() {
    for key in ["x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes"] {
        is_invalid(Table::new().int(key, -1), key, "{value_negative,-1}");
    }
}

#[test]
fn an_expiry_of_zero_is_refused() {
    is_invalid(Table::new().int("x-expires", 0), "x-expires", "{value_zero,0}");
}

#[test]
fn a_time_beyond_ten_years_is_refused() {
    for key in ["x-message-ttl", "x-expires"] {
        let arguments = Table::new().long(key, 315_360_000_001);
        is_invalid(arguments, key, "{value_too_large,315360000001}");
    }
}

#[test]
fn a_priority_above_255_is_refused() {
    let key = "x-max-priority";
    is_invalid(Table::new().int(key, 256), key, "{max_value_exceeded,256}");
}

#[test]
fn an_unknown_overflow_behaviour_is_refused() {
    let key = "x-overflow";
    is_invalid(Table::new().text(key, "spill"), key, "invalid_overflow");
}

#[test]
fn a_dead_letter_key_without_an_exchange_is_refused() {
    let key = "x-dead-letter-routing-key";
    is_invalid(Table::new().text(key, "k"), key, "routing_key_but_no_dlx_defined");
}

#[test]
fn an_unknown_queue_type_is_refused() {
    let key = "x-queue-type";
    is_invalid(Table::new().text(key, "heap"), key, "\"unsupported queue type 'heap'\"");
}

#[test]
fn a_dead_letter_exchange_that_is_no_string_is_refused() {
    let name = unique("invalid");
    let text = format!(
        "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue \
         '{name}' in vhost '/'"
    );
    let declare = queue::declare(&name).arguments(Table::new().int("x-dead-letter-exchange", 1));
    RawClient::with_channel().refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
}

#[test]
fn a_quorum_queue_must_be_durable_shared_and_permanent() {
    for (flags, property) in [
        (0, "non-durable"),
        (DURABLE | EXCLUSIVE, "exclusive-owner"),
        (DURABLE | AUTO_DELETE, "auto-delete"),
    ] {
        let name = unique("quorum");
        let declare = queue::declare(&name)
            .with(flags)
            .arguments(Table::new().text("x-queue-type", "quorum"));
        let text = format!(
            "PRECONDITION_FAILED - invalid property '{property}' for queue '{name}' in vhost '/'"
        );
        RawClient::with_channel().refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
    }
}

#[test]
fn a_quorum_queue_must_have_a_name() {
    let arguments = Table::new().text("x-queue-type", "quorum");
    let declare = queue::declare("").with(DURABLE).arguments(arguments);
    let text = "PRECONDITION_FAILED - Cannot declare a server-named queue for type \
                rabbit_quorum_queue";
    RawClient::with_channel().refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
}

/// Declares with the first arguments, then with the second, which is refused; `None` stands for
/// arguments that mean the same.
fn again(first: Table, second: Table, difference: Option<(&str, &str, &str)>) {
    let mut client = RawClient::with_channel();
    let name = unique("again");
    client.declare(1, &queue::declare(&name).with(EXCLUSIVE).arguments(first));
    let declare = queue::declare(&name).with(EXCLUSIVE).arguments(second);
    let Some((key, received, current)) = difference else {
        client.declare(1, &declare);
        return;
    };
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg '{key}' for queue '{name}' in vhost '/': received \
         {received} but current is {current}"
    );
    client.refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
}

#[test]
fn an_argument_that_is_missing_the_second_time_is_named_with_its_type() {
    let difference = ("x-message-ttl", "none", "the value '1000' of type 'signedint'");
    again(Table::new().int("x-message-ttl", 1000), Table::new(), Some(difference));
    let difference = ("x-message-ttl", "the value '1000' of type 'long'", "none");
    again(Table::new(), Table::new().long("x-message-ttl", 1000), Some(difference));
    let difference = ("x-overflow", "the value 'drop-head' of type 'longstr'", "none");
    again(Table::new(), Table::new().text("x-overflow", "drop-head"), Some(difference));
}

#[test]
fn an_argument_that_changes_is_named_without_its_type() {
    let ttl = |ms| Table::new().int("x-message-ttl", ms);
    again(ttl(1000), ttl(2000), Some(("x-message-ttl", "'2000'", "'1000'")));
    let overflow = |how| Table::new().text("x-overflow", how);
    let difference = ("x-overflow", "'reject-publish'", "'drop-head'");
    again(overflow("drop-head"), overflow("reject-publish"), Some(difference));
}

#[test]
fn the_width_of_an_integer_makes_no_difference() {
    let key = "x-message-ttl";
    again(Table::new().int(key, 1000), Table::new().long(key, 1000), None);
    again(Table::new().long(key, 100), Table::new().raw(key, &[b'b', 100]), None);
    again(Table::new().long(key, 100), Table::new().raw(key, &[b's', 0, 100]), None);
}

#[test]
fn a_classic_queue_may_say_so_or_not() {
    let classic = || Table::new().text("x-queue-type", "classic");
    again(classic(), Table::new(), None);
    again(Table::new(), classic(), None);
}

#[test]
fn unknown_arguments_make_no_difference() {
    again(Table::new().int("x-mine", 1), Table::new().text("x-yours", "2"), None);
    again(Table::new(), Table::new().table("nested", &Table::new().bool("deep", true)), None);
}

#[test]
fn every_type_of_value_is_accepted_for_an_unknown_argument() {
    let arguments = Table::new()
        .raw("t", b"t\x01")
        .raw("b", b"b\xff")
        .raw("B", b"B\xff")
        .raw("s", b"s\xff\xff")
        .raw("u", b"u\xff\xff")
        .raw("I", b"I\xff\xff\xff\xff")
        .raw("i", b"i\xff\xff\xff\xff")
        .raw("l", b"l\xff\xff\xff\xff\xff\xff\xff\xff")
        .raw("f", b"f\x3f\x80\x00\x00")
        .raw("d", b"d\x3f\xf0\x00\x00\x00\x00\x00\x00")
        .raw("D", b"D\x02\x00\x00\x00\xff")
        .raw("S", b"S\x00\x00\x00\x02\xff\xfe")
        .raw("A", b"A\x00\x00\x00\x03t\x00V")
        .raw("T", b"T\x00\x00\x00\x00\x00\x00\x00\x01")
        .raw("F", b"F\x00\x00\x00\x04\x01kt\x01")
        .raw("x", b"x\x00\x00\x00\x02\xff\xfe")
        .raw("V", b"V");
    again(arguments, Table::new(), None);
}
