//! Requests of the protocol machine become calls of the broker, and the broker's answers its answers.

use super::blocking::blocking;
use crate::base::{ExchangeName, FieldTable, FieldValue, HolderId, Message, ReplyCode, ShortStr};
use crate::broker::{
    Answered, Binding, Client, Consume, ConsumeRequest, Content, DeclareExchange, DeclareQueue,
    DeliveryEvent, Destination, Refused, Step, Unreadable,
};
use crate::protocol::{Answer, Delivery, Got, Refusal, Request};
use crate::wire::{
    BasicConsume, ExchangeBind, ExchangeDeclare, MethodId, Properties, QueueBind, QueueDeclare,
    with_header,
};

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
        Answered::ConsumingReplies { tag, address } => {
            Answer::ConsumingReplies { consumer_tag: tag, address }
        }
        Answered::Empty => Answer::Empty,
        Answered::Got(event, ready) => match delivery(*event) {
            Ok(delivery) => got(delivery, ready),
            Err(error) => unreadable(&error, failed),
        },
    })
}

/// The answer to `basic.get` with its message.
pub(super) fn got(delivery: Delivery, ready: u64) -> Answer {
    Answer::Got(Box::new(Got { delivery, message_count: count(ready) }))
}

/// The answer to `basic.get` whose message cannot be read.
pub(super) fn unreadable(error: &Unreadable, failed: MethodId) -> Answer {
    let text = format!("the message cannot be read from disk: {error}");
    let refused = Refused { code: ReplyCode::PreconditionFailed, text };
    Answer::Refused(refusal(refused, failed))
}

/// A delivery with its message; what is on disk is read, on a thread that may wait for it.
///
/// # Errors
/// When the record is damaged or cannot be read.
#[inline]
pub(super) fn delivery(event: DeliveryEvent) -> Result<Delivery, Unreadable> {
    let DeliveryEvent { queue, id, content, redelivered, .. } = event;
    let DeliveryEvent { acquired_count, delivery_count, .. } = event;
    let message = match content {
        Content::Ram(message) if acquired_count == 0 => message,
        content => loaded(content, acquired_count, delivery_count)?,
    };
    Ok(Delivery { queue, id, message, redelivered })
}

/// A message that has to be read, or changed.
#[cold]
fn loaded(
    content: Content,
    acquired_count: u16,
    delivery_count: u32,
) -> Result<Message, Unreadable> {
    let message = if content.is_cold() { blocking(|| content.load()) } else { content.load() }?;
    let is_counted = acquired_count > 0;
    Ok(if is_counted { counted(&message, acquired_count, delivery_count) } else { message })
}

/// The message with the number of its earlier attempts, and of those among them that failed (rabbitmq:
/// quorum-queues.md, poison messages: both stand in every message that was handed out before).
fn counted(message: &Message, acquired_count: u16, delivery_count: u32) -> Message {
    let counts = [
        ("x-acquired-count", i64::from(acquired_count)),
        ("x-delivery-count", delivery_count.into()),
    ];
    let mut properties = message.properties().to_vec();
    for (name, count) in counts {
        let name = ShortStr::try_from(name).expect("it is short");
        properties = with_header(&properties, name, FieldValue::I64(count));
    }
    message.with_properties(&properties)
}

/// The broker's refusal, with the method that failed.
pub(super) fn refusal(refused: Refused, failed: MethodId) -> Refusal {
    Refusal { code: refused.code, text: refused.text, failed }
}

fn call(client: &mut Client, holder: HolderId, request: Request) -> Result<Step, Refused> {
    let done = |()| Step::Answered(Answered::Done);
    match request {
        // The session's own: they are about who it is.
        Request::Authenticate(_) | Request::OpenVhost(_) | Request::UpdateSecret(_) => {
            Ok(Step::Answered(Answered::Done))
        }
        // Everything before it was done when this is reached.
        Request::Barrier => Ok(Step::Answered(Answered::Done)),
        Request::ExchangeDeclare(declare) => {
            client.exchange_declare(holder, exchange_declare(declare))
        }
        Request::ExchangeDelete { exchange, if_unused } => {
            client.exchange_delete(holder, &exchange, if_unused)
        }
        Request::ExchangeBind(bind) => client.bind(holder, &exchange_binding(bind)),
        Request::ExchangeUnbind(bind) => client.unbind(holder, &exchange_binding(bind)),
        Request::QueueBind(bind) => client.bind(holder, &queue_binding(bind)),
        Request::QueueUnbind(bind) => client.unbind(holder, &queue_binding(bind)),
        Request::QueueDeclare(declare) => client.queue_declare(holder, queue_declare(declare)),
        Request::QueuePurge(queue) => client.queue_purge(holder, &queue),
        Request::QueueDelete { queue, if_unused, if_empty } => {
            client.queue_delete(holder, &queue, if_unused, if_empty)
        }
        Request::Consume { consume, prefetch } => {
            client.consume(holder, consume_request(consume, prefetch))
        }
        Request::ConsumeReplies(tag) => client.consume_replies(holder, tag),
        Request::Cancel(tag) => Ok(client.cancel(holder, &tag)),
        Request::Get { queue, no_ack } => client.get(holder, &queue, no_ack),
        Request::CheckPublish { exchange } => client.check_publish(exchange.as_str()).map(done),
    }
}

/// The method behind a request, for the close that names it.
pub(super) fn method_id(request: &Request) -> MethodId {
    match request {
        Request::Authenticate(_) => MethodId::CONNECTION_START_OK,
        Request::OpenVhost(_) => MethodId::CONNECTION_OPEN,
        Request::UpdateSecret(_) => MethodId::CONNECTION_UPDATE_SECRET,
        Request::Barrier => MethodId::default(),
        Request::ExchangeDeclare(_) => MethodId::EXCHANGE_DECLARE,
        Request::ExchangeDelete { .. } => MethodId::EXCHANGE_DELETE,
        Request::ExchangeBind(_) => MethodId::EXCHANGE_BIND,
        Request::ExchangeUnbind(_) => MethodId::EXCHANGE_UNBIND,
        Request::QueueDeclare(_) => MethodId::QUEUE_DECLARE,
        Request::QueueBind(_) => MethodId::QUEUE_BIND,
        Request::QueuePurge(_) => MethodId::QUEUE_PURGE,
        Request::QueueDelete { .. } => MethodId::QUEUE_DELETE,
        Request::QueueUnbind(_) => MethodId::QUEUE_UNBIND,
        Request::Consume { .. } | Request::ConsumeReplies(_) => MethodId::BASIC_CONSUME,
        Request::Cancel(_) => MethodId::BASIC_CANCEL,
        Request::CheckPublish { .. } => MethodId::BASIC_PUBLISH,
        Request::Get { .. } => MethodId::BASIC_GET,
    }
}

/// The refusal of a message whose `user-id` is not the publisher's (rabbitmq: validated-user-id.md).
#[inline]
pub(super) fn check_user_id(client: &Client, message: &Message) -> Result<(), Refused> {
    // Few messages have one.
    if message.property_flags() & USER_ID_FLAG == 0 { Ok(()) } else { check_claim(client, message) }
}

#[cold]
fn check_claim(client: &Client, message: &Message) -> Result<(), Refused> {
    let properties = Properties::decode(message.properties()).ok();
    let claimed = properties.and_then(|properties| properties.user_id);
    let Some(claimed) = claimed else { return Ok(()) };
    let user = &client.peer().user;
    if claimed.as_bytes() == user.as_str().as_bytes() || client.may_impersonate() {
        return Ok(());
    }
    client.check_publish(message.exchange())?;
    Err(Refused {
        code: ReplyCode::PreconditionFailed,
        text: format!("user_id property set to '{claimed}' but authenticated user was '{user}'"),
    })
}

/// The flag of `user-id` (spec: 4.2.6.1; flags go down from bit 15, and this is the twelfth property).
const USER_ID_FLAG: u16 = 1 << 4;

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
        arguments: consume.arguments,
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
