//! The methods that are read and written by hand: the hot ones, those with routing keys (any bytes),
//! and two of which amq-protocol drops a field.
//!
//! Trailing bytes are refused, as RabbitMQ does: its patterns match the arguments exactly.

use crate::base::{ConsumerTag, DeliveryTag, ExchangeName, NameError, QueueName};

use super::method::{ExchangeBind, Method, MethodId, QueueBind};
use super::reader::{Fault, Reader};
use super::table::{encode_table, read_table, short};
use super::writer::{bits, put_short_string};

/// Names are never longer than 255 bytes here, so the only thing wrong can be the encoding.
pub(super) fn not_utf8(_: NameError) -> Fault {
    Fault::NotUtf8
}

/// Decodes one of the methods of this file; `None` when it is another.
pub(super) fn decode(id: MethodId, arguments: &[u8]) -> Option<Result<Method, Fault>> {
    let mut reader = Reader::new(arguments);
    let decoded = match id {
        MethodId::BASIC_ACK => ack(&mut reader),
        MethodId::BASIC_NACK => nack(&mut reader),
        MethodId::BASIC_REJECT => reject(&mut reader),
        MethodId::BASIC_PUBLISH => publish(&mut reader),
        MethodId::BASIC_DELIVER => deliver(&mut reader),
        MethodId::BASIC_GET_OK => get_ok(&mut reader),
        MethodId::BASIC_RETURN => returned(&mut reader),
        MethodId::BASIC_QOS => qos(&mut reader),
        MethodId::QUEUE_BIND => queue_bind(&mut reader, true).map(Method::QueueBind),
        MethodId::QUEUE_UNBIND => queue_bind(&mut reader, false).map(Method::QueueUnbind),
        MethodId::EXCHANGE_BIND => exchange_bind(&mut reader).map(Method::ExchangeBind),
        MethodId::EXCHANGE_UNBIND => exchange_bind(&mut reader).map(Method::ExchangeUnbind),
        MethodId::ACCESS_REQUEST_OK => {
            reader.u16().map(|ticket| Method::AccessRequestOk { ticket })
        }
        _ => return None,
    };
    Some(decoded.and_then(|method| reader.end().map(|()| method)))
}

/// One flag of an octet of flags.
fn flag(octet: u8, number: u8) -> bool {
    octet >> number & 1 == 1
}

/// `basic.ack`, to the last byte.
#[inline]
pub(super) fn ack(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    let delivery_tag = DeliveryTag(reader.u64()?);
    let flags = reader.u8()?;
    reader.end()?;
    Ok(Method::BasicAck { delivery_tag, multiple: flag(flags, 0) })
}

fn nack(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    let delivery_tag = DeliveryTag(reader.u64()?);
    let flags = reader.u8()?;
    Ok(Method::BasicNack { delivery_tag, multiple: flag(flags, 0), requeue: flag(flags, 1) })
}

fn reject(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    let delivery_tag = DeliveryTag(reader.u64()?);
    let flags = reader.u8()?;
    Ok(Method::BasicReject { delivery_tag, requeue: flag(flags, 0) })
}

/// The fields of `basic.publish`, borrowed.
pub(super) struct PublishFields<'a> {
    /// Both of the next in one piece, with the octets that say how long they are.
    pub(super) route: &'a [u8],
    pub(super) exchange: &'a [u8],
    pub(super) routing_key: &'a [u8],
    pub(super) mandatory: bool,
    pub(super) immediate: bool,
}

impl<'a> PublishFields<'a> {
    /// Reads the arguments to the last byte.
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let _ticket = reader.u16()?;
        let from_route = reader.rest();
        let exchange = reader.short_string()?;
        let routing_key = reader.short_string()?;
        let route = from_route.get(..2 + exchange.len() + routing_key.len()).unwrap_or_default();
        let flags = reader.u8()?;
        reader.end()?;
        let (mandatory, immediate) = (flag(flags, 0), flag(flags, 1));
        Ok(Self { route, exchange, routing_key, mandatory, immediate })
    }
}

fn publish(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    let fields = PublishFields::read(reader)?;
    Ok(Method::BasicPublish {
        exchange: ExchangeName::parse(fields.exchange).map_err(not_utf8)?,
        routing_key: short(fields.routing_key)?,
        mandatory: fields.mandatory,
        immediate: fields.immediate,
    })
}

fn exchange(reader: &mut Reader<'_>) -> Result<ExchangeName, Fault> {
    ExchangeName::parse(reader.short_string()?).map_err(not_utf8)
}

fn deliver(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    Ok(Method::BasicDeliver {
        consumer_tag: ConsumerTag::parse(reader.short_string()?).map_err(not_utf8)?,
        delivery_tag: DeliveryTag(reader.u64()?),
        redelivered: flag(reader.u8()?, 0),
        exchange: exchange(reader)?,
        routing_key: short(reader.short_string()?)?,
    })
}

fn get_ok(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    Ok(Method::BasicGetOk {
        delivery_tag: DeliveryTag(reader.u64()?),
        redelivered: flag(reader.u8()?, 0),
        exchange: exchange(reader)?,
        routing_key: short(reader.short_string()?)?,
        message_count: reader.u32()?,
    })
}

fn returned(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    Ok(Method::BasicReturn {
        reply_code: reader.u16()?,
        reply_text: short(reader.short_string()?)?,
        exchange: exchange(reader)?,
        routing_key: short(reader.short_string()?)?,
    })
}

fn qos(reader: &mut Reader<'_>) -> Result<Method, Fault> {
    Ok(Method::BasicQos {
        prefetch_size: reader.u32()?,
        prefetch_count: reader.u16()?,
        global: flag(reader.u8()?, 0),
    })
}

fn queue_bind(reader: &mut Reader<'_>, has_nowait: bool) -> Result<QueueBind, Fault> {
    let _ticket = reader.u16()?;
    Ok(QueueBind {
        queue: QueueName::parse(reader.short_string()?).map_err(not_utf8)?,
        exchange: exchange(reader)?,
        routing_key: short(reader.short_string()?)?,
        nowait: has_nowait && flag(reader.u8()?, 0),
        arguments: read_table(reader.long_string()?)?,
    })
}

fn exchange_bind(reader: &mut Reader<'_>) -> Result<ExchangeBind, Fault> {
    let _ticket = reader.u16()?;
    Ok(ExchangeBind {
        destination: exchange(reader)?,
        source: exchange(reader)?,
        routing_key: short(reader.short_string()?)?,
        nowait: flag(reader.u8()?, 0),
        arguments: read_table(reader.long_string()?)?,
    })
}

/// Appends the arguments of one of the methods of this file; false when it is another.
pub(super) fn encode(method: &Method, into: &mut Vec<u8>) -> bool {
    match method {
        Method::BasicAck { delivery_tag, multiple } => {
            put_settlement(*delivery_tag, &[*multiple], into);
        }
        Method::BasicNack { delivery_tag, multiple, requeue } => {
            put_settlement(*delivery_tag, &[*multiple, *requeue], into);
        }
        Method::BasicReject { delivery_tag, requeue } => {
            put_settlement(*delivery_tag, &[*requeue], into);
        }
        Method::BasicPublish { exchange, routing_key, mandatory, immediate } => {
            into.extend_from_slice(&[0; 2]);
            put_route(exchange, routing_key.as_bytes(), into);
            into.push(bits(&[*mandatory, *immediate]));
        }
        Method::BasicDeliver { consumer_tag, delivery_tag, redelivered, exchange, routing_key } => {
            put_short_string(consumer_tag.as_str().as_bytes(), into);
            put_settlement(*delivery_tag, &[*redelivered], into);
            put_route(exchange, routing_key.as_bytes(), into);
        }
        Method::BasicGetOk { delivery_tag, redelivered, exchange, routing_key, message_count } => {
            put_settlement(*delivery_tag, &[*redelivered], into);
            put_route(exchange, routing_key.as_bytes(), into);
            into.extend_from_slice(&message_count.to_be_bytes());
        }
        Method::BasicReturn { reply_code, reply_text, exchange, routing_key } => {
            into.extend_from_slice(&reply_code.to_be_bytes());
            put_short_string(reply_text.as_bytes(), into);
            put_route(exchange, routing_key.as_bytes(), into);
        }
        Method::BasicQos { prefetch_size, prefetch_count, global } => {
            into.extend_from_slice(&prefetch_size.to_be_bytes());
            into.extend_from_slice(&prefetch_count.to_be_bytes());
            into.push(bits(&[*global]));
        }
        Method::QueueBind(bind) => put_queue_bind(bind, true, into),
        Method::QueueUnbind(bind) => put_queue_bind(bind, false, into),
        Method::ExchangeBind(bind) | Method::ExchangeUnbind(bind) => put_exchange_bind(bind, into),
        Method::AccessRequestOk { ticket } => into.extend_from_slice(&ticket.to_be_bytes()),
        _ => return false,
    }
    true
}

/// A delivery tag and an octet of flags.
fn put_settlement(delivery_tag: DeliveryTag, flags: &[bool], into: &mut Vec<u8>) {
    into.extend_from_slice(&delivery_tag.0.to_be_bytes());
    into.push(bits(flags));
}

fn put_route(exchange: &ExchangeName, routing_key: &[u8], into: &mut Vec<u8>) {
    put_short_string(exchange.as_str().as_bytes(), into);
    put_short_string(routing_key, into);
}

fn put_queue_bind(bind: &QueueBind, has_nowait: bool, into: &mut Vec<u8>) {
    into.extend_from_slice(&[0; 2]);
    put_short_string(bind.queue.as_str().as_bytes(), into);
    put_route(&bind.exchange, bind.routing_key.as_bytes(), into);
    if has_nowait {
        into.push(bits(&[bind.nowait]));
    }
    encode_table(&bind.arguments, into);
}

fn put_exchange_bind(bind: &ExchangeBind, into: &mut Vec<u8>) {
    into.extend_from_slice(&[0; 2]);
    put_short_string(bind.destination.as_str().as_bytes(), into);
    put_route(&bind.source, bind.routing_key.as_bytes(), into);
    into.push(bits(&[bind.nowait]));
    encode_table(&bind.arguments, into);
}
