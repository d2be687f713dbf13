//! Exchanges and queues: what is asked of the broker, and what its answers become.

use super::pair::{Pair, exchange, short};
use crate::base::{FieldTable, QueueName, ReplyCode, ShortStr};
use crate::protocol::{Answer, Refusal, Request};
use crate::wire::{ExchangeBind, ExchangeDeclare, Method, MethodId, QueueBind, QueueDeclare};

fn queue(name: &str) -> QueueName {
    name.try_into().expect("short")
}

fn exchange_declare(name: &str, nowait: bool) -> ExchangeDeclare {
    ExchangeDeclare {
        exchange: exchange(name),
        kind: short("topic"),
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        nowait,
        arguments: FieldTable::EMPTY,
    }
}

fn exchange_bind(destination: &str, nowait: bool) -> ExchangeBind {
    ExchangeBind {
        destination: exchange(destination),
        source: exchange("source"),
        routing_key: short("#"),
        nowait,
        arguments: FieldTable::EMPTY,
    }
}

fn queue_declare(name: &str, nowait: bool) -> QueueDeclare {
    QueueDeclare {
        queue: queue(name),
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: false,
        nowait,
        arguments: FieldTable::EMPTY,
    }
}

fn queue_bind(name: &str, routing_key: &str, nowait: bool) -> QueueBind {
    QueueBind {
        queue: queue(name),
        exchange: exchange("logs"),
        routing_key: short(routing_key),
        nowait,
        arguments: FieldTable::EMPTY,
    }
}

fn declared(pair: &mut Pair, name: &str) {
    pair.asks(1, &Method::QueueDeclare(queue_declare(name, true)));
    let (queue, message_count, consumer_count) = (queue(name), 0, 0);
    pair.answer(Answer::QueueDeclared { queue, message_count, consumer_count });
    assert_eq!(pair.received(), vec![]);
}

/// Method, question, answer and reply of everything that the broker is asked about.
type Case = (Method, Request, Answer, Method);

fn exchange_cases(nowait: bool) -> Vec<Case> {
    let (declare, bind) = (exchange_declare("x", nowait), exchange_bind("x", nowait));
    vec![
        (
            Method::ExchangeDeclare(declare.clone()),
            Request::ExchangeDeclare(declare),
            Answer::Done,
            Method::ExchangeDeclareOk,
        ),
        (
            Method::ExchangeDelete { exchange: exchange("x"), if_unused: true, nowait },
            Request::ExchangeDelete { exchange: exchange("x"), if_unused: true },
            Answer::Done,
            Method::ExchangeDeleteOk,
        ),
        (
            Method::ExchangeBind(bind.clone()),
            Request::ExchangeBind(bind.clone()),
            Answer::Done,
            Method::ExchangeBindOk,
        ),
        (
            Method::ExchangeUnbind(bind.clone()),
            Request::ExchangeUnbind(bind),
            Answer::Done,
            Method::ExchangeUnbindOk,
        ),
    ]
}

fn queue_cases(nowait: bool) -> Vec<Case> {
    let (declare, bind) = (queue_declare("q", nowait), queue_bind("q", "k", nowait));
    let (if_unused, if_empty) = (true, false);
    vec![
        (
            Method::QueueDeclare(declare.clone()),
            Request::QueueDeclare(declare),
            Answer::QueueDeclared { queue: queue("q"), message_count: 3, consumer_count: 1 },
            Method::QueueDeclareOk { queue: queue("q"), message_count: 3, consumer_count: 1 },
        ),
        (
            Method::QueueBind(bind.clone()),
            Request::QueueBind(bind),
            Answer::Done,
            Method::QueueBindOk,
        ),
        (
            Method::QueuePurge { queue: queue("q"), nowait },
            Request::QueuePurge(queue("q")),
            Answer::Messages(5),
            Method::QueuePurgeOk { message_count: 5 },
        ),
        (
            Method::QueueDelete { queue: queue("q"), if_unused, if_empty, nowait },
            Request::QueueDelete { queue: queue("q"), if_unused, if_empty },
            Answer::Messages(5),
            Method::QueueDeleteOk { message_count: 5 },
        ),
    ]
}

#[test]
fn every_question_is_asked_and_its_answer_told() {
    let mut pair = Pair::channel();
    for nowait in [false, true] {
        for (method, request, answer, reply) in
            exchange_cases(nowait).into_iter().chain(queue_cases(nowait))
        {
            assert_eq!(pair.asks(1, &method), request);
            assert_eq!(pair.answer(answer), vec![]);
            if nowait {
                assert_eq!(pair.received(), vec![], "{method:?}");
            } else {
                assert_eq!(pair.only_method(1), reply);
            }
        }
    }
}

#[test]
fn unbind_is_always_answered() {
    let mut pair = Pair::channel();
    let unbind = queue_bind("q", "k", false);
    assert_eq!(pair.asks(1, &Method::QueueUnbind(unbind.clone())), Request::QueueUnbind(unbind));
    pair.answer(Answer::Done);
    assert_eq!(pair.only_method(1), Method::QueueUnbindOk);
}

#[test]
fn a_refusal_names_the_method_that_was_asked() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::QueueBind(queue_bind("q", "k", true)));
    let refusal = Refusal {
        code: ReplyCode::NotFound,
        text: "no queue 'q' in vhost '/'".to_owned(),
        failed: MethodId::default(),
    };
    let actions = pair.answer(Answer::Refused(refusal));
    let text = "NOT_FOUND - no queue 'q' in vhost '/'";
    pair.expect_channel_close(&actions, (404, text, MethodId::QUEUE_BIND));
}

#[test]
fn line_ends_in_names_are_dropped() {
    let mut pair = Pair::channel();
    let asked = pair.asks(1, &Method::QueueDeclare(queue_declare("a\r\nb\n", false)));
    assert_eq!(asked, Request::QueueDeclare(queue_declare("ab", false)));
    pair.answer(Answer::QueueDeclared { queue: queue("ab"), message_count: 0, consumer_count: 0 });
    let asked = pair.asks(1, &Method::ExchangeDeclare(exchange_declare("\nx", false)));
    assert_eq!(asked, Request::ExchangeDeclare(exchange_declare("x", false)));
    pair.answer(Answer::Done);
    let asked = pair.asks(1, &Method::ExchangeBind(exchange_bind("x\r", false)));
    assert_eq!(asked, Request::ExchangeBind(exchange_bind("x", false)));
}

#[test]
fn an_empty_queue_name_is_the_queue_declared_last() {
    let mut pair = Pair::channel();
    declared(&mut pair, "first");
    declared(&mut pair, "amq.gen-1");
    let purge = Method::QueuePurge { queue: queue(""), nowait: true };
    assert_eq!(pair.asks(1, &purge), Request::QueuePurge(queue("amq.gen-1")));
    pair.answer(Answer::Messages(0));
    let get = Method::BasicGet { queue: queue(""), no_ack: true };
    let last = queue("amq.gen-1");
    assert_eq!(pair.asks(1, &get), Request::Get { queue: last, no_ack: true });
    pair.answer(Answer::Empty);
    pair.received();

    let bind = |key| pair_bind(&mut Pair::channel(), key);
    assert_eq!(bind(""), ("q".to_owned(), short("q")));
    assert_eq!(bind("k"), ("q".to_owned(), short("k")));
}

fn pair_bind(pair: &mut Pair, routing_key: &str) -> (String, ShortStr) {
    declared(pair, "q");
    match pair.asks(1, &Method::QueueBind(queue_bind("", routing_key, false))) {
        Request::QueueBind(bind) => (bind.queue.to_string(), bind.routing_key),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_named_queue_with_an_empty_key_keeps_it() {
    let mut pair = Pair::channel();
    declared(&mut pair, "other");
    let asked = pair.asks(1, &Method::QueueBind(queue_bind("q", "", false)));
    assert_eq!(asked, Request::QueueBind(queue_bind("q", "", false)));
}

#[test]
fn an_empty_queue_name_without_a_declared_queue_is_not_found() {
    let methods = [
        Method::QueueBind(queue_bind("", "k", false)),
        Method::QueueUnbind(queue_bind("", "k", false)),
        Method::QueuePurge { queue: queue(""), nowait: false },
        Method::QueueDelete { queue: queue(""), if_unused: false, if_empty: false, nowait: false },
        Method::BasicGet { queue: queue(""), no_ack: false },
    ];
    for method in methods {
        let mut pair = Pair::channel();
        let actions = pair.send(1, &method);
        let text = "NOT_FOUND - no previously declared queue";
        pair.expect_channel_close(&actions, (404, text, method.id()));
    }
}

#[test]
fn the_management_pages_can_look_at_a_channel() {
    let mut pair = Pair::confirming();
    declared(&mut pair, "q");
    pair.publish(1, b"x");
    pair.deliver(1);
    let infos: Vec<_> = pair.server.channels().collect();
    let [info] = infos[..] else { panic!("{infos:?}") };
    assert_eq!((info.unacknowledged, info.unconfirmed, info.consumers), (1, 1, 0));
    assert_eq!(info.mode, crate::protocol::ChannelMode::Confirm);
}
