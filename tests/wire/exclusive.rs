//! Exclusive queues: one connection's own, and gone with it (docs/reply-codes.md, queues).

use crate::support::methods::queue::{AUTO_DELETE, EXCLUSIVE};
use crate::support::methods::{PASSIVE, basic, queue};
use crate::support::{Call, Id, RawClient, Refusal, id, refusal, unique};

fn locked(name: &str, failed: Id) -> Refusal {
    let text = format!(
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It \
         could be originally declared on another connection or the exclusive property value does \
         not match that of the original declaration."
    );
    // A short string has room for 255 octets.
    let text = if text.len() > 255 { format!("{}...", &text[..252]) } else { text };
    refusal(405, text, failed)
}

/// An owner with its queue.
fn owner() -> (RawClient, String) {
    let mut owner = RawClient::with_channel();
    let name = unique("own");
    owner.declare(1, &queue::declare(&name).with(EXCLUSIVE));
    (owner, name)
}

#[test]
fn another_connection_may_not_use_it() {
    let (_owner, name) = owner();
    let cases: [(Call, Id); 7] = [
        (queue::declare(&name).with(EXCLUSIVE), id::QUEUE_DECLARE),
        (queue::declare(&name).with(PASSIVE), id::QUEUE_DECLARE),
        (queue::bind(&name, "amq.direct", "k"), id::QUEUE_BIND),
        (queue::purge(&name), id::QUEUE_PURGE),
        (queue::delete(&name), id::QUEUE_DELETE),
        (basic::consume(&name, ""), id::BASIC_CONSUME),
        (basic::get(&name), id::BASIC_GET),
    ];
    let mut stranger = RawClient::with_channel();
    for (call, failed) in cases {
        stranger.refused(1, &call, &locked(&name, failed));
        stranger.open_channel(1);
    }
}

#[test]
fn a_name_another_connection_owns_is_not_free_for_any_kind_of_queue() {
    let (_owner, name) = owner();
    let mut stranger = RawClient::with_channel();
    for declare in [queue::declare(&name), queue::declare(&name).with(AUTO_DELETE)] {
        stranger.refused(1, &declare, &locked(&name, id::QUEUE_DECLARE));
        stranger.open_channel(1);
    }
}

#[test]
fn another_connection_may_publish_to_it() {
    let (mut owner, name) = owner();
    let mut stranger = RawClient::with_channel();
    stranger.publish(1, "", &name, "from outside");
    stranger.close();
    owner.expect_counts(1, &name, (1, 0));
    assert_eq!(owner.get(1, &name).expect("the message").text(), "from outside");
}

#[test]
fn every_channel_of_its_connection_may_use_it() {
    let (mut owner, name) = owner();
    owner.open_channel(2);
    owner.declare(2, &queue::declare(&name).with(EXCLUSIVE));
    owner.consume(2, &basic::consume(&name, ""));
    owner.close_channel(2);
    owner.expect_counts(1, &name, (0, 0));
}

#[test]
fn its_own_connection_may_not_declare_it_shared() {
    let (mut owner, name) = owner();
    owner.refused(1, &queue::declare(&name), &locked(&name, id::QUEUE_DECLARE));
}

#[test]
fn a_shared_queue_may_not_be_declared_exclusive() {
    let name = unique("shared");
    let mut client = RawClient::with_channel();
    client.declare(1, &queue::declare(&name));
    let declare = queue::declare(&name).with(EXCLUSIVE);
    client.refused(1, &declare, &locked(&name, id::QUEUE_DECLARE));
    client.open_channel(1);
    client.call(1, &queue::delete(&name), id::QUEUE_DELETE_OK);
}

#[test]
fn it_is_gone_when_close_is_answered() {
    let (mut owner, name) = owner();
    owner.publish(1, "", &name, "gone with it");
    let mut stranger = RawClient::with_channel();
    owner.close();
    let text = format!("NOT_FOUND - no queue '{name}' in vhost '/'");
    let passive = queue::declare(&name).with(PASSIVE);
    stranger.refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
    stranger.open_channel(1);
    assert_eq!(stranger.declare(1, &queue::declare(&name).with(EXCLUSIVE)), (0, 0));
}

/// Nothing says when the broker has noticed, so the name is asked for until it is free.
#[test]
fn it_is_gone_when_the_socket_breaks() {
    let (owner, name) = owner();
    drop(owner);
    let mut stranger = RawClient::with_channel();
    let declare = queue::declare(&name).with(EXCLUSIVE);
    for _ in 0..10_000 {
        stranger.send(1, &declare);
        let answer = stranger.next_frame();
        if answer.method() == Some(id::QUEUE_DECLARE_OK) {
            return;
        }
        assert_eq!(answer.method(), Some(id::CHANNEL_CLOSE), "{answer:?}");
        stranger.send(1, &crate::support::methods::channel::close_ok());
        stranger.open_channel(1);
    }
    panic!("'{name}' is still locked");
}

#[test]
fn it_outlives_its_consumers_unless_it_is_auto_delete_too() {
    let (mut owner, name) = owner();
    owner.consume(1, &basic::consume(&name, "c"));
    owner.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK);
    owner.expect_counts(1, &name, (0, 0));
    let both = unique("both");
    owner.declare(1, &queue::declare(&both).with(EXCLUSIVE | AUTO_DELETE));
    owner.consume(1, &basic::consume(&both, "c"));
    owner.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK);
    let text = format!("NOT_FOUND - no queue '{both}' in vhost '/'");
    let passive = queue::declare(&both).with(PASSIVE);
    owner.refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
}

#[test]
fn its_bindings_go_with_it() {
    let (mut owner, name) = owner();
    owner.call(1, &queue::bind(&name, "amq.direct", &name), id::QUEUE_BIND_OK);
    owner.close();
    let mut heir = RawClient::with_channel();
    heir.declare(1, &queue::declare(&name).with(EXCLUSIVE));
    heir.publish(1, "amq.direct", &name, "for the old one");
    assert_eq!(heir.get(1, &name), None);
}
