//! Requests of the protocol machine become calls of the broker, and the broker's answers its answers.

use crate::base::{ExchangeName, FieldTable, HolderId, ShortStr};
use crate::broker::{
    Answered, Binding, Client, Consume, ConsumeRequest, DeclareExchange, DeclareQueue, Destination,
    Refused, Step,
};
use crate::protocol::{Answer, Delivery, Got, Refusal, Request};
use crate::wire::{BasicConsume, ExchangeBind, ExchangeDeclare, MethodId, QueueBind, QueueDeclare};

/// Asks the broker. `None`: the answer comes as an event.
pub(super) fn ask(client: &mut Client, holder: HolderId, request: Request) -> Option<Answer> {
    let failed = method_id(&request);
    answer(call(client, holder, request), failed)
}

/// The protocol's answer for what a request came to.
pub(super) fn answer(step: Result<Step, Refused>, failed: MethodId) -> Option<Answer> {
    let answered = match step {
        Ok(Step::Waiting) => return None,
        Ok(Step::Answered(answered)) => answered,
        Err(refused) => return Some(Answer::Refused(refusal(refused, failed))),
    };
    Some(match answered {
        Answered::Done => Answer::Done,
        Answered::Declared { queue, messages, consumers } => Answer::QueueDeclared {
            queue,
            message_count: count(messages),
            consumer_count: count(consumers),
        },
        Answered::Messages(messages) => Answer::Messages(count(messages)),
        Answered::Consuming(tag) => Answer::Consuming(tag),
        Answered::Empty => Answer::Empty,
        Answered::Got(event, ready) => Answer::Got(Box::new(Got {
            delivery: Delivery {
                queue: event.queue,
                id: event.id,
                message: event.message,
                redelivered: event.redelivered,
            },
            message_count: count(ready),
        })),
    })
}

/// The broker's refusal, with the method that failed.
pub(super) fn refusal(refused: Refused, failed: MethodId) -> Refusal {
    Refusal { code: refused.code, text: refused.text, failed }
}

fn call(client: &mut Client, holder: HolderId, request: Request) -> Result<Step, Refused> {
    let vhost = std::sync::Arc::clone(client.vhost());
    let peer = client.peer().clone();
    let done = |()| Step::Answered(Answered::Done);
    match request {
        // Both are the session's own: they come before there is a client.
        Request::Authenticate(_) | Request::OpenVhost(_) => Ok(Step::Answered(Answered::Done)),
        // Users have one password here, and it was checked at login.
        Request::UpdateSecret(_) => Ok(Step::Answered(Answered::Done)),
        // Everything before it was done when this is reached.
        Request::Barrier => Ok(Step::Answered(Answered::Done)),
        Request::ExchangeDeclare(declare) => {
            vhost.exchange_declare(&peer, exchange_declare(declare)).map(done)
        }
        Request::ExchangeDelete { exchange, if_unused } => {
            vhost.exchange_delete(&peer, &exchange, if_unused).map(done)
        }
        Request::ExchangeBind(bind) => vhost.bind(&peer, exchange_binding(bind)).map(done),
        Request::ExchangeUnbind(bind) => vhost.unbind(&peer, &exchange_binding(bind)).map(done),
        Request::QueueBind(bind) => vhost.bind(&peer, queue_binding(bind)).map(done),
        Request::QueueUnbind(bind) => vhost.unbind(&peer, &queue_binding(bind)).map(done),
        Request::QueueDeclare(declare) => client.queue_declare(holder, queue_declare(declare)),
        Request::QueuePurge(queue) => client.queue_purge(holder, &queue),
        Request::QueueDelete { queue, if_unused, if_empty } => {
            client.queue_delete(holder, &queue, if_unused, if_empty)
        }
        Request::Consume { consume, prefetch } => {
            client.consume(holder, consume_request(consume, prefetch))
        }
        Request::Cancel(tag) => Ok(client.cancel(holder, &tag)),
        Request::Get { queue, no_ack } => client.get(holder, &queue, no_ack),
        Request::CheckPublish { exchange } => client.check_publish(&exchange).map(done),
    }
}

/// The method behind a request, for the close that names it (spec: numbers of 1.3 onwards).
pub(super) fn method_id(request: &Request) -> MethodId {
    let (class, method) = match request {
        Request::Authenticate(_) => (10, 11),
        Request::OpenVhost(_) => (10, 40),
        Request::UpdateSecret(_) => (10, 70),
        Request::Barrier => (0, 0),
        Request::ExchangeDeclare(_) => (40, 10),
        Request::ExchangeDelete { .. } => (40, 20),
        Request::ExchangeBind(_) => (40, 30),
        Request::ExchangeUnbind(_) => (40, 40),
        Request::QueueDeclare(_) => (50, 10),
        Request::QueueBind(_) => (50, 20),
        Request::QueuePurge(_) => (50, 30),
        Request::QueueDelete { .. } => (50, 40),
        Request::QueueUnbind(_) => (50, 50),
        Request::Consume { .. } => (60, 20),
        Request::Cancel(_) => (60, 30),
        Request::CheckPublish { .. } => PUBLISH,
        Request::Get { .. } => (60, 70),
    };
    MethodId { class, method }
}

const PUBLISH: (u16, u16) = (60, 40);

/// `basic.publish`, for refusals of publishes.
pub(super) fn publish_id() -> MethodId {
    MethodId { class: PUBLISH.0, method: PUBLISH.1 }
}

fn exchange_declare(declare: ExchangeDeclare) -> DeclareExchange {
    DeclareExchange {
        exchange: declare.exchange,
        kind: declare.kind,
        passive: declare.passive,
        durable: declare.durable,
        auto_delete: declare.auto_delete,
        internal: declare.internal,
        arguments: declare.arguments,
    }
}

fn queue_declare(declare: QueueDeclare) -> DeclareQueue {
    DeclareQueue {
        queue: declare.queue,
        passive: declare.passive,
        durable: declare.durable,
        exclusive: declare.exclusive,
        auto_delete: declare.auto_delete,
        arguments: declare.arguments,
    }
}

fn consume_request(consume: BasicConsume, prefetch: u16) -> ConsumeRequest {
    ConsumeRequest {
        queue: consume.queue,
        tag: consume.consumer_tag,
        consume: Consume { no_ack: consume.no_ack, exclusive: consume.exclusive, prefetch },
    }
}

fn exchange_binding(bind: ExchangeBind) -> Binding {
    let destination = Destination::Exchange(bind.destination);
    binding(bind.source, destination, bind.routing_key, bind.arguments)
}

fn queue_binding(bind: QueueBind) -> Binding {
    binding(bind.exchange, Destination::Queue(bind.queue), bind.routing_key, bind.arguments)
}

fn binding(
    source: ExchangeName,
    destination: Destination,
    routing_key: ShortStr,
    arguments: FieldTable,
) -> Binding {
    Binding { source, destination, routing_key, arguments }
}

/// Counts on the wire have 32 bits; more is shown as the most.
fn count(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
