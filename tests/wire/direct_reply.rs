//! Direct reply-to: replies without a queue (docs/direct-reply-to.md).

use crate::support::methods::{DURABLE, PASSIVE, basic, confirm, queue, tx};
use crate::support::{Broker, RawClient, id, on_oracle, refusal};

const PSEUDO_QUEUE: &str = "amq.rabbitmq.reply-to";
const NO_PROPERTIES: [u8; 2] = [0, 0];

/// Properties with a `correlation-id` and a `reply-to`.
fn request_properties(correlation_id: &str, reply_to: &str) -> Vec<u8> {
    let mut properties = vec![0b0000_0110, 0];
    for text in [correlation_id, reply_to] {
        properties.push(u8::try_from(text.len()).expect("short"));
        properties.extend_from_slice(text.as_bytes());
    }
    properties
}

/// Consumes replies on channel 1, and sends itself a request to find out where they go.
fn address(client: &mut RawClient) -> String {
    client.consume(1, &basic::consume(PSEUDO_QUEUE, "r").with(basic::NO_ACK));
    let queue = client.exclusive_queue(1);
    request(client, &queue)
}

fn request(client: &mut RawClient, queue: &str) -> String {
    let properties = request_properties("c", PSEUDO_QUEUE);
    client.send_publish(1, &basic::publish("", queue), &properties, "request");
    let got = client.get_with(1, &basic::get_no_ack(queue)).expect("the request");
    let given = &got.properties[request_properties("c", "").len()..];
    let address = String::from_utf8(given.to_vec()).expect("UTF-8");
    assert_eq!(got.properties, request_properties("c", &address), "nothing else has changed");
    address
}

/// The broker has done everything that came before on this channel.
fn settle_down(client: &mut RawClient) {
    client.call(1, &basic::qos(0), id::BASIC_QOS_OK);
}

#[test]
fn replies_come_to_the_channel_that_asked() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    assert!(address.starts_with("amq.rabbitmq.reply-to."), "{address}");
    for body in ["first", "second"] {
        responder.send_publish(1, &basic::publish("", &address), b"\x04\0\x01c", body);
        let reply = requester.expect_delivery(1);
        assert_eq!((reply.consumer_tag.as_str(), reply.text()), ("r", body));
        assert_eq!((reply.exchange.as_str(), reply.redelivered), ("", false));
        assert_eq!(reply.routing_key, address.as_bytes());
        assert_eq!(reply.properties, b"\x04\0\x01c");
    }
}

#[test]
fn the_address_stays_until_the_consumer_is_another_one() {
    let mut client = RawClient::with_channel();
    let first = address(&mut client);
    let queue = client.exclusive_queue(1);
    assert_eq!(request(&mut client, &queue), first);
    client.call(1, &basic::cancel("r"), id::BASIC_CANCEL_OK);
    client.consume(1, &basic::consume(PSEUDO_QUEUE, "r").with(basic::NO_ACK));
    assert_ne!(request(&mut client, &queue), first);
}

#[test]
fn a_large_reply_comes_whole() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    let body = vec![b'x'; 1_000_000];
    responder.send(1, &basic::publish("", &address));
    responder.send_header(1, body.len() as u64, &NO_PROPERTIES);
    for piece in body.chunks(100_000) {
        responder.send_body(1, piece);
    }
    assert_eq!(requester.expect_delivery(1).body, body);
}

#[test]
fn replies_cannot_be_acknowledged() {
    let mut client = RawClient::with_channel();
    let text = "PRECONDITION_FAILED - reply consumer cannot acknowledge";
    let consume = basic::consume(PSEUDO_QUEUE, "r");
    client.refused(1, &consume, &refusal(406, text, id::BASIC_CONSUME));
}

#[test]
fn a_channel_has_one_consumer_of_replies() {
    let mut client = RawClient::with_channel();
    let consume = |tag| basic::consume(PSEUDO_QUEUE, tag).with(basic::NO_ACK | basic::EXCLUSIVE);
    assert!(client.consume(1, &consume("")).starts_with("amq.ctag-"));
    client.open_channel(2);
    client.consume(2, &consume("r"));
    let text = "PRECONDITION_FAILED - reply consumer already set";
    client.refused(1, &consume("other"), &refusal(406, text, id::BASIC_CONSUME));
}

#[test]
fn a_request_needs_the_consumer_of_its_channel() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    client.consume(2, &basic::consume(PSEUDO_QUEUE, "r").with(basic::NO_ACK));
    let properties = request_properties("c", PSEUDO_QUEUE);
    client.send_publish(1, &basic::publish("", "nowhere"), &properties, "request");
    let text = "PRECONDITION_FAILED - fast reply consumer does not exist";
    client.expect_refusal(1, &refusal(406, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    client.send_publish(1, &basic::publish("missing", ""), &properties, "request");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
}

#[test]
fn a_responder_may_ask_whether_the_requester_is_still_there() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    for name in [PSEUDO_QUEUE, &address] {
        assert_eq!(responder.declare(1, &queue::declare(name).with(PASSIVE)), (0, 1));
        assert_eq!(responder.declare(1, &queue::declare(name).with(DURABLE)), (0, 1));
    }
    requester.close();
    let text = format!("NOT_FOUND - no queue '{address}' in vhost '/'");
    for flags in [PASSIVE, 0] {
        let declare = queue::declare(&address).with(flags);
        responder.refused(1, &declare, &refusal(404, &text, id::QUEUE_DECLARE));
        responder.open_channel(1);
    }
}

#[test]
fn there_is_no_queue_to_use() {
    let mut requester = RawClient::with_channel();
    let address = address(&mut requester);
    let mut client = RawClient::with_channel();
    for name in [PSEUDO_QUEUE, &address] {
        let missing = format!("NOT_FOUND - no queue '{name}' in vhost '/'");
        let of = |failed| refusal(404, &missing, failed);
        client.refused(1, &basic::get(name), &of(id::BASIC_GET));
        client.open_channel(1);
        client.refused(1, &queue::purge(name), &of(id::QUEUE_PURGE));
        client.open_channel(1);
        let volatile =
            "ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue";
        let bind = refusal(403, volatile, id::QUEUE_BIND).or_oracle(404, &missing);
        client.refused(1, &queue::bind(name, "amq.direct", "k"), &bind);
        client.open_channel(1);
        let mut deleted = client.call(1, &queue::delete(name), id::QUEUE_DELETE_OK);
        assert_eq!(deleted.long(), 0);
    }
    let missing = format!("NOT_FOUND - no queue '{address}' in vhost '/'");
    let consume = basic::consume(&address, "c").with(basic::NO_ACK);
    client.refused(1, &consume, &refusal(404, missing, id::BASIC_CONSUME));
}

/// RabbitMQ before 4.2 returns the reply and delivers it as well.
#[test]
fn a_mandatory_reply_is_routed_while_its_requester_is_there() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    let publish = basic::publish("", &address).with(basic::MANDATORY);
    responder.send_publish(1, &publish, &NO_PROPERTIES, "reply");
    if on_oracle() {
        assert_eq!(responder.expect_return(1).text(), "reply");
    }
    settle_down(&mut responder);
    assert_eq!(requester.expect_delivery(1).text(), "reply");
    requester.close();
    responder.send_publish(1, &publish, &NO_PROPERTIES, "late");
    assert_eq!(responder.expect_return(1).text(), "late");
}

#[test]
fn only_the_default_exchange_leads_to_an_address() {
    let mut requester = RawClient::with_channel();
    let address = address(&mut requester);
    for (exchange, key) in [("amq.direct", address.as_str()), ("", PSEUDO_QUEUE)] {
        let publish = basic::publish(exchange, key).with(basic::MANDATORY);
        requester.send_publish(1, &publish, &NO_PROPERTIES, "nobody's");
        assert_eq!(requester.expect_return(1).text(), "nobody's");
    }
    requester.publish(1, "", &address, "mine");
    assert_eq!(requester.expect_delivery(1).text(), "mine");
}

#[test]
fn a_reply_is_confirmed_whether_somebody_is_there_or_not() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    responder.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    responder.publish(1, "", &address, "reply");
    assert_eq!(responder.expect_ack(1), (1, false));
    assert_eq!(requester.expect_delivery(1).text(), "reply");
    requester.close_channel(1);
    responder.publish(1, "", &address, "late");
    assert_eq!(responder.expect_ack(1), (2, false));
}

/// RabbitMQ before 4.2 sends it before the commit, and in spite of a rollback.
#[test]
fn a_reply_in_a_transaction_waits_for_the_commit() {
    if on_oracle() {
        return;
    }
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    responder.call(1, &tx::select(), id::TX_SELECT_OK);
    responder.publish(1, "", &address, "rolled back");
    responder.call(1, &tx::rollback(), id::TX_ROLLBACK_OK);
    responder.publish(1, "", &address, "committed");
    settle_down(&mut responder);
    settle_down(&mut requester);
    responder.call(1, &tx::commit(), id::TX_COMMIT_OK);
    assert_eq!(requester.expect_delivery(1).text(), "committed");
}

#[test]
fn nothing_comes_after_the_cancel() {
    let (mut requester, mut responder) = (RawClient::with_channel(), RawClient::with_channel());
    let address = address(&mut requester);
    requester.call(1, &basic::cancel("r"), id::BASIC_CANCEL_OK);
    responder.publish(1, "", &address, "late");
    settle_down(&mut responder);
    settle_down(&mut requester);
}

/// R3 and R4: what is too much is refused while other requesters are served, and everything that was
/// confirmed comes when the requester reads at last.
#[test]
fn a_requester_that_does_not_read_loses_replies_and_holds_nobody_back() {
    const REPLIES: u64 = 64;
    const BODY_BYTES: usize = 1024 * 1024;
    let Some(broker) = Broker::own(&[]) else { return };
    let mut requester = RawClient::with_channel_on(&broker);
    let mut responder = RawClient::with_channel_on(&broker);
    let mut other = RawClient::with_channel_on(&broker);
    let (deaf, listening) = (address(&mut requester), address(&mut other));
    responder.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    let body = vec![b'x'; BODY_BYTES];
    for _ in 0..REPLIES {
        responder.send(1, &basic::publish("", &deaf));
        responder.send_header(1, BODY_BYTES as u64, &NO_PROPERTIES);
        for piece in body.chunks(128 * 1024 - 8) {
            responder.send_body(1, piece);
        }
    }
    let (mut answered, mut taken) = (0, 0);
    while answered < REPLIES {
        let frame = responder.next_frame();
        let mut method = frame.arguments();
        let (tag, multiple) = (method.long_long(), method.octet() == 1);
        assert!(multiple || tag == answered + 1, "answers come in order");
        if frame.method() == Some(id::BASIC_ACK) {
            taken += tag - answered;
        } else {
            assert_eq!(frame.method(), Some(id::BASIC_NACK));
        }
        answered = tag;
    }
    assert!((16..REPLIES).contains(&taken), "{taken} of {REPLIES} were taken");
    let resident_kib = broker.status_number("VmRSS");
    assert!(resident_kib < 64 * 1024, "{resident_kib} KiB while nobody reads");

    responder.publish(1, "", &listening, "served");
    assert_eq!(other.expect_delivery(1).text(), "served");
    responder.expect(1, id::BASIC_ACK);

    for _ in 0..taken {
        assert_eq!(requester.expect_delivery(1).body.len(), BODY_BYTES);
    }
    settle_down(&mut requester);
    responder.publish(1, "", &deaf, "there is room again");
    assert_eq!(requester.expect_delivery(1).text(), "there is room again");
    drop((requester, responder, other));
    let log = broker.stop();
    assert!(log.contains("a requester does not read its direct replies"), "{log}");
    assert!(log.contains(&format!("dropped={}", REPLIES - taken)), "{log}");
}
