//! Our methods to amq-protocol's.

use amq_protocol::frame::WriteContext;
use amq_protocol::protocol::{
    AMQPClass, access, basic, channel, confirm, connection, exchange, gen_class, queue, tx,
};
use amq_protocol::types::FieldTable as NoTable;

use crate::base::FieldTable;
use crate::wire::layout;
use crate::wire::method::{Close, Method};
use crate::wire::table::encode_table;

use super::text::{bytes_to_short, to_long, to_short};

/// Appends the arguments of a method that is not written by hand.
pub(in crate::wire) fn encode(method: &Method, into: &mut Vec<u8>) {
    let Some(class) = to_class(method) else { return };
    let written = gen_class(&class)(WriteContext::from(Vec::new()));
    let (payload, _) = written
        // The crate fails when its buffer is full or a string too long: a vector grows, and
        // `to_short` cuts.
        .expect("a vector takes every method")
        .into_inner();
    let arguments = payload.get(4..).unwrap_or_default();
    match table_of(method) {
        None => into.extend_from_slice(arguments),
        Some(table) => put_with_table(method, arguments, table, into),
    }
}

/// Appends arguments with the table where the crate wrote an empty one.
fn put_with_table(method: &Method, arguments: &[u8], table: &FieldTable, into: &mut Vec<u8>) {
    let at = layout::of(method.id()).and_then(|layout| layout::check(layout, arguments).ok()?);
    let (before, after) = at
        .and_then(|at| Some((arguments.get(..at.start.checked_sub(4)?)?, arguments.get(at.end..)?)))
        .unwrap_or((arguments, &[]));
    into.extend_from_slice(before);
    encode_table(table, into);
    into.extend_from_slice(after);
}

/// The one table of a method.
fn table_of(method: &Method) -> Option<&FieldTable> {
    match method {
        Method::ConnectionStart { server_properties, .. } => Some(server_properties),
        Method::ConnectionStartOk { client_properties, .. } => Some(client_properties),
        Method::ExchangeDeclare(declare) => Some(&declare.arguments),
        Method::QueueDeclare(declare) => Some(&declare.arguments),
        Method::BasicConsume(consume) => Some(&consume.arguments),
        _ => None,
    }
}

/// The crate's form of a method, with an empty table; `None` for those written by hand.
fn to_class(method: &Method) -> Option<AMQPClass> {
    connection(method)
        .map(AMQPClass::Connection)
        .or_else(|| channel(method).map(AMQPClass::Channel))
        .or_else(|| exchange(method).map(AMQPClass::Exchange))
        .or_else(|| queue(method).map(AMQPClass::Queue))
        .or_else(|| basic(method).map(AMQPClass::Basic))
        .or_else(|| rest(method))
}

fn connection(method: &Method) -> Option<connection::AMQPMethod> {
    use connection::AMQPMethod as M;
    Some(match method {
        Method::ConnectionStart { version_major, version_minor, mechanisms, locales, .. } => {
            M::Start(connection::Start {
                version_major: *version_major,
                version_minor: *version_minor,
                server_properties: NoTable::default(),
                mechanisms: to_long(mechanisms),
                locales: to_long(locales),
            })
        }
        Method::ConnectionStartOk { mechanism, response, locale, .. } => {
            M::StartOk(connection::StartOk {
                client_properties: NoTable::default(),
                mechanism: bytes_to_short(mechanism),
                response: to_long(response),
                locale: bytes_to_short(locale),
            })
        }
        Method::ConnectionSecure { challenge } => {
            M::Secure(connection::Secure { challenge: to_long(challenge) })
        }
        Method::ConnectionSecureOk { response } => {
            M::SecureOk(connection::SecureOk { response: to_long(response) })
        }
        Method::ConnectionTune { channel_max, frame_max, heartbeat_s } => {
            M::Tune(connection::Tune {
                channel_max: *channel_max,
                frame_max: *frame_max,
                heartbeat: *heartbeat_s,
            })
        }
        Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s } => {
            M::TuneOk(connection::TuneOk {
                channel_max: *channel_max,
                frame_max: *frame_max,
                heartbeat: *heartbeat_s,
            })
        }
        Method::ConnectionOpen { vhost } => {
            M::Open(connection::Open { virtual_host: to_short(vhost.as_str()) })
        }
        Method::ConnectionOpenOk => M::OpenOk(connection::OpenOk {}),
        Method::ConnectionClose(Close { reply_code, reply_text, failed }) => {
            M::Close(connection::Close {
                reply_code: *reply_code,
                reply_text: bytes_to_short(reply_text),
                class_id: failed.class,
                method_id: failed.method,
            })
        }
        Method::ConnectionCloseOk => M::CloseOk(connection::CloseOk {}),
        Method::ConnectionBlocked { reason } => {
            M::Blocked(connection::Blocked { reason: bytes_to_short(reason) })
        }
        Method::ConnectionUnblocked => M::Unblocked(connection::Unblocked {}),
        Method::ConnectionUpdateSecret { new_secret, reason } => {
            M::UpdateSecret(connection::UpdateSecret {
                new_secret: to_long(new_secret),
                reason: bytes_to_short(reason),
            })
        }
        Method::ConnectionUpdateSecretOk => M::UpdateSecretOk(connection::UpdateSecretOk {}),
        _ => return None,
    })
}

fn channel(method: &Method) -> Option<channel::AMQPMethod> {
    use channel::AMQPMethod as M;
    Some(match method {
        Method::ChannelOpen => M::Open(channel::Open {}),
        Method::ChannelOpenOk => M::OpenOk(channel::OpenOk {}),
        Method::ChannelFlow { active } => M::Flow(channel::Flow { active: *active }),
        Method::ChannelFlowOk { active } => M::FlowOk(channel::FlowOk { active: *active }),
        Method::ChannelClose(Close { reply_code, reply_text, failed }) => {
            M::Close(channel::Close {
                reply_code: *reply_code,
                reply_text: bytes_to_short(reply_text),
                class_id: failed.class,
                method_id: failed.method,
            })
        }
        Method::ChannelCloseOk => M::CloseOk(channel::CloseOk {}),
        _ => return None,
    })
}

fn exchange(method: &Method) -> Option<exchange::AMQPMethod> {
    use exchange::AMQPMethod as M;
    Some(match method {
        Method::ExchangeDeclare(declare) => M::Declare(exchange::Declare {
            exchange: to_short(declare.exchange.as_str()),
            kind: bytes_to_short(&declare.kind),
            passive: declare.passive,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            nowait: declare.nowait,
            arguments: NoTable::default(),
        }),
        Method::ExchangeDeclareOk => M::DeclareOk(exchange::DeclareOk {}),
        Method::ExchangeDelete { exchange, if_unused, nowait } => M::Delete(exchange::Delete {
            exchange: to_short(exchange.as_str()),
            if_unused: *if_unused,
            nowait: *nowait,
        }),
        Method::ExchangeDeleteOk => M::DeleteOk(exchange::DeleteOk {}),
        Method::ExchangeBindOk => M::BindOk(exchange::BindOk {}),
        Method::ExchangeUnbindOk => M::UnbindOk(exchange::UnbindOk {}),
        _ => return None,
    })
}

fn queue(method: &Method) -> Option<queue::AMQPMethod> {
    use queue::AMQPMethod as M;
    Some(match method {
        Method::QueueDeclare(declare) => M::Declare(queue::Declare {
            queue: to_short(declare.queue.as_str()),
            passive: declare.passive,
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            nowait: declare.nowait,
            arguments: NoTable::default(),
        }),
        Method::QueueDeclareOk { queue, message_count, consumer_count } => {
            M::DeclareOk(queue::DeclareOk {
                queue: to_short(queue.as_str()),
                message_count: *message_count,
                consumer_count: *consumer_count,
            })
        }
        Method::QueueBindOk => M::BindOk(queue::BindOk {}),
        Method::QueueUnbindOk => M::UnbindOk(queue::UnbindOk {}),
        Method::QueuePurge { queue, nowait } => {
            M::Purge(queue::Purge { queue: to_short(queue.as_str()), nowait: *nowait })
        }
        Method::QueuePurgeOk { message_count } => {
            M::PurgeOk(queue::PurgeOk { message_count: *message_count })
        }
        Method::QueueDelete { queue, if_unused, if_empty, nowait } => M::Delete(queue::Delete {
            queue: to_short(queue.as_str()),
            if_unused: *if_unused,
            if_empty: *if_empty,
            nowait: *nowait,
        }),
        Method::QueueDeleteOk { message_count } => {
            M::DeleteOk(queue::DeleteOk { message_count: *message_count })
        }
        _ => return None,
    })
}

fn basic(method: &Method) -> Option<basic::AMQPMethod> {
    use basic::AMQPMethod as M;
    Some(match method {
        Method::BasicQosOk => M::QosOk(basic::QosOk {}),
        Method::BasicConsume(consume) => M::Consume(basic::Consume {
            queue: to_short(consume.queue.as_str()),
            consumer_tag: to_short(consume.consumer_tag.as_str()),
            no_local: consume.no_local,
            no_ack: consume.no_ack,
            exclusive: consume.exclusive,
            nowait: consume.nowait,
            arguments: NoTable::default(),
        }),
        Method::BasicConsumeOk { consumer_tag } => {
            M::ConsumeOk(basic::ConsumeOk { consumer_tag: to_short(consumer_tag.as_str()) })
        }
        Method::BasicCancel { consumer_tag, nowait } => M::Cancel(basic::Cancel {
            consumer_tag: to_short(consumer_tag.as_str()),
            nowait: *nowait,
        }),
        Method::BasicCancelOk { consumer_tag } => {
            M::CancelOk(basic::CancelOk { consumer_tag: to_short(consumer_tag.as_str()) })
        }
        Method::BasicGet { queue, no_ack } => {
            M::Get(basic::Get { queue: to_short(queue.as_str()), no_ack: *no_ack })
        }
        Method::BasicGetEmpty => M::GetEmpty(basic::GetEmpty {}),
        Method::BasicRecoverAsync { requeue } => {
            M::RecoverAsync(basic::RecoverAsync { requeue: *requeue })
        }
        Method::BasicRecover { requeue } => M::Recover(basic::Recover { requeue: *requeue }),
        Method::BasicRecoverOk => M::RecoverOk(basic::RecoverOk {}),
        _ => return None,
    })
}

/// The classes with few methods.
fn rest(method: &Method) -> Option<AMQPClass> {
    Some(match method {
        Method::AccessRequest { realm } => {
            AMQPClass::Access(access::AMQPMethod::Request(access::Request {
                realm: bytes_to_short(realm),
                exclusive: false,
                passive: false,
                active: false,
                write: false,
                read: false,
            }))
        }
        Method::ConfirmSelect { nowait } => {
            AMQPClass::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: *nowait }))
        }
        Method::ConfirmSelectOk => {
            AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}))
        }
        Method::TxSelect => AMQPClass::Tx(tx::AMQPMethod::Select(tx::Select {})),
        Method::TxSelectOk => AMQPClass::Tx(tx::AMQPMethod::SelectOk(tx::SelectOk {})),
        Method::TxCommit => AMQPClass::Tx(tx::AMQPMethod::Commit(tx::Commit {})),
        Method::TxCommitOk => AMQPClass::Tx(tx::AMQPMethod::CommitOk(tx::CommitOk {})),
        Method::TxRollback => AMQPClass::Tx(tx::AMQPMethod::Rollback(tx::Rollback {})),
        Method::TxRollbackOk => AMQPClass::Tx(tx::AMQPMethod::RollbackOk(tx::RollbackOk {})),
        _ => return None,
    })
}
