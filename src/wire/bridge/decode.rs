//! amq-protocol's methods to ours.

use amq_protocol::protocol::{
    AMQPClass, access, basic, channel, confirm, connection, exchange, parse_class, queue, tx,
};
use amq_protocol::types::ShortString;

use crate::base::{ConsumerTag, ExchangeName, FieldTable, QueueName, VhostName};
use crate::wire::hand::not_utf8;
use crate::wire::layout::{self, Field};
use crate::wire::method::{BasicConsume, Close, ExchangeDeclare, Method, MethodId, QueueDeclare};
use crate::wire::reader::Fault;
use crate::wire::table::read_table;

use super::text::{from_long, from_short};

/// Decodes the arguments of a method with this layout.
pub(in crate::wire) fn decode(
    id: MethodId,
    layout: &[Field],
    arguments: &[u8],
) -> Result<Method, Fault> {
    let table_at = layout::check(layout, arguments)?;
    let mut payload = Vec::with_capacity(4 + arguments.len());
    payload.extend_from_slice(&id.octets());
    let table = match table_at {
        None => {
            payload.extend_from_slice(arguments);
            FieldTable::EMPTY
        }
        Some(at) => {
            // An empty table stands in for the peer's: the length's four octets become zero.
            let before = at.start.checked_sub(4).and_then(|end| arguments.get(..end));
            payload.extend_from_slice(before.ok_or(Fault::Malformed)?);
            payload.extend_from_slice(&[0; 4]);
            payload.extend_from_slice(arguments.get(at.end..).ok_or(Fault::Malformed)?);
            read_table(arguments.get(at).ok_or(Fault::Malformed)?)?
        }
    };
    match parse_class(payload.as_slice()) {
        Ok(([], class)) => from_class(class, table),
        Ok(_) | Err(_) => Err(Fault::Malformed),
    }
}

fn from_class(class: AMQPClass, table: FieldTable) -> Result<Method, Fault> {
    match class {
        AMQPClass::Connection(method) => from_connection(method, table),
        AMQPClass::Channel(method) => from_channel(method),
        AMQPClass::Access(access::AMQPMethod::Request(request)) => {
            Ok(Method::AccessRequest { realm: from_short(&request.realm)? })
        }
        // Decoded by hand.
        AMQPClass::Access(access::AMQPMethod::RequestOk(_)) => Err(Fault::Malformed),
        AMQPClass::Exchange(method) => from_exchange(method, table),
        AMQPClass::Queue(method) => from_queue(method, table),
        AMQPClass::Basic(method) => from_basic(method, table),
        AMQPClass::Confirm(confirm::AMQPMethod::Select(select)) => {
            Ok(Method::ConfirmSelect { nowait: select.nowait })
        }
        AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(_)) => Ok(Method::ConfirmSelectOk),
        AMQPClass::Tx(method) => Ok(match method {
            tx::AMQPMethod::Select(_) => Method::TxSelect,
            tx::AMQPMethod::SelectOk(_) => Method::TxSelectOk,
            tx::AMQPMethod::Commit(_) => Method::TxCommit,
            tx::AMQPMethod::CommitOk(_) => Method::TxCommitOk,
            tx::AMQPMethod::Rollback(_) => Method::TxRollback,
            tx::AMQPMethod::RollbackOk(_) => Method::TxRollbackOk,
        }),
    }
}

fn from_connection(method: connection::AMQPMethod, table: FieldTable) -> Result<Method, Fault> {
    use connection::AMQPMethod as M;
    Ok(match method {
        M::Start(start) => Method::ConnectionStart {
            version_major: start.version_major,
            version_minor: start.version_minor,
            server_properties: table,
            mechanisms: from_long(&start.mechanisms),
            locales: from_long(&start.locales),
        },
        M::StartOk(start_ok) => Method::ConnectionStartOk {
            client_properties: table,
            mechanism: from_short(&start_ok.mechanism)?,
            response: from_long(&start_ok.response),
            locale: from_short(&start_ok.locale)?,
        },
        M::Secure(secure) => Method::ConnectionSecure { challenge: from_long(&secure.challenge) },
        M::SecureOk(secure_ok) => {
            Method::ConnectionSecureOk { response: from_long(&secure_ok.response) }
        }
        M::Tune(tune) => Method::ConnectionTune {
            channel_max: tune.channel_max,
            frame_max: tune.frame_max,
            heartbeat_s: tune.heartbeat,
        },
        M::TuneOk(tune_ok) => Method::ConnectionTuneOk {
            channel_max: tune_ok.channel_max,
            frame_max: tune_ok.frame_max,
            heartbeat_s: tune_ok.heartbeat,
        },
        M::Open(open) => Method::ConnectionOpen {
            vhost: VhostName::parse(open.virtual_host.as_str().as_bytes()).map_err(not_utf8)?,
        },
        M::OpenOk(_) => Method::ConnectionOpenOk,
        M::Close(close) => Method::ConnectionClose(Close {
            reply_code: close.reply_code,
            reply_text: from_short(&close.reply_text)?,
            failed: MethodId { class: close.class_id, method: close.method_id },
        }),
        M::CloseOk(_) => Method::ConnectionCloseOk,
        M::Blocked(blocked) => Method::ConnectionBlocked { reason: from_short(&blocked.reason)? },
        M::Unblocked(_) => Method::ConnectionUnblocked,
        M::UpdateSecret(update) => Method::ConnectionUpdateSecret {
            new_secret: from_long(&update.new_secret),
            reason: from_short(&update.reason)?,
        },
        M::UpdateSecretOk(_) => Method::ConnectionUpdateSecretOk,
    })
}

fn from_channel(method: channel::AMQPMethod) -> Result<Method, Fault> {
    use channel::AMQPMethod as M;
    Ok(match method {
        M::Open(_) => Method::ChannelOpen,
        M::OpenOk(_) => Method::ChannelOpenOk,
        M::Flow(flow) => Method::ChannelFlow { active: flow.active },
        M::FlowOk(flow_ok) => Method::ChannelFlowOk { active: flow_ok.active },
        M::Close(close) => Method::ChannelClose(Close {
            reply_code: close.reply_code,
            reply_text: from_short(&close.reply_text)?,
            failed: MethodId { class: close.class_id, method: close.method_id },
        }),
        M::CloseOk(_) => Method::ChannelCloseOk,
    })
}

fn from_exchange(method: exchange::AMQPMethod, table: FieldTable) -> Result<Method, Fault> {
    use exchange::AMQPMethod as M;
    Ok(match method {
        M::Declare(declare) => Method::ExchangeDeclare(ExchangeDeclare {
            exchange: exchange_name(&declare.exchange)?,
            kind: from_short(&declare.kind)?,
            passive: declare.passive,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            nowait: declare.nowait,
            arguments: table,
        }),
        M::DeclareOk(_) => Method::ExchangeDeclareOk,
        M::Delete(delete) => Method::ExchangeDelete {
            exchange: exchange_name(&delete.exchange)?,
            if_unused: delete.if_unused,
            nowait: delete.nowait,
        },
        M::DeleteOk(_) => Method::ExchangeDeleteOk,
        M::BindOk(_) => Method::ExchangeBindOk,
        M::UnbindOk(_) => Method::ExchangeUnbindOk,
        // Decoded by hand.
        M::Bind(_) | M::Unbind(_) => return Err(Fault::Malformed),
    })
}

fn from_queue(method: queue::AMQPMethod, table: FieldTable) -> Result<Method, Fault> {
    use queue::AMQPMethod as M;
    Ok(match method {
        M::Declare(declare) => Method::QueueDeclare(QueueDeclare {
            queue: queue_name(&declare.queue)?,
            passive: declare.passive,
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            nowait: declare.nowait,
            arguments: table,
        }),
        M::DeclareOk(declare_ok) => Method::QueueDeclareOk {
            queue: queue_name(&declare_ok.queue)?,
            message_count: declare_ok.message_count,
            consumer_count: declare_ok.consumer_count,
        },
        M::BindOk(_) => Method::QueueBindOk,
        M::UnbindOk(_) => Method::QueueUnbindOk,
        M::Purge(purge) => {
            Method::QueuePurge { queue: queue_name(&purge.queue)?, nowait: purge.nowait }
        }
        M::PurgeOk(purge_ok) => Method::QueuePurgeOk { message_count: purge_ok.message_count },
        M::Delete(delete) => Method::QueueDelete {
            queue: queue_name(&delete.queue)?,
            if_unused: delete.if_unused,
            if_empty: delete.if_empty,
            nowait: delete.nowait,
        },
        M::DeleteOk(delete_ok) => Method::QueueDeleteOk { message_count: delete_ok.message_count },
        // Decoded by hand.
        M::Bind(_) | M::Unbind(_) => return Err(Fault::Malformed),
    })
}

fn from_basic(method: basic::AMQPMethod, table: FieldTable) -> Result<Method, Fault> {
    use basic::AMQPMethod as M;
    Ok(match method {
        M::QosOk(_) => Method::BasicQosOk,
        M::Consume(consume) => Method::BasicConsume(BasicConsume {
            queue: queue_name(&consume.queue)?,
            consumer_tag: consumer_tag(&consume.consumer_tag)?,
            no_local: consume.no_local,
            no_ack: consume.no_ack,
            exclusive: consume.exclusive,
            nowait: consume.nowait,
            arguments: table,
        }),
        M::ConsumeOk(ok) => {
            Method::BasicConsumeOk { consumer_tag: consumer_tag(&ok.consumer_tag)? }
        }
        M::Cancel(cancel) => Method::BasicCancel {
            consumer_tag: consumer_tag(&cancel.consumer_tag)?,
            nowait: cancel.nowait,
        },
        M::CancelOk(ok) => Method::BasicCancelOk { consumer_tag: consumer_tag(&ok.consumer_tag)? },
        M::Get(get) => Method::BasicGet { queue: queue_name(&get.queue)?, no_ack: get.no_ack },
        M::GetEmpty(_) => Method::BasicGetEmpty,
        M::RecoverAsync(recover) => Method::BasicRecoverAsync { requeue: recover.requeue },
        M::Recover(recover) => Method::BasicRecover { requeue: recover.requeue },
        M::RecoverOk(_) => Method::BasicRecoverOk,
        // Decoded by hand.
        M::Qos(_)
        | M::Publish(_)
        | M::Return(_)
        | M::Deliver(_)
        | M::GetOk(_)
        | M::Ack(_)
        | M::Reject(_)
        | M::Nack(_) => return Err(Fault::Malformed),
    })
}

fn queue_name(text: &ShortString) -> Result<QueueName, Fault> {
    QueueName::parse(text.as_str().as_bytes()).map_err(not_utf8)
}

fn exchange_name(text: &ShortString) -> Result<ExchangeName, Fault> {
    ExchangeName::parse(text.as_str().as_bytes()).map_err(not_utf8)
}

fn consumer_tag(text: &ShortString) -> Result<ConsumerTag, Fault> {
    ConsumerTag::parse(text.as_str().as_bytes()).map_err(not_utf8)
}
