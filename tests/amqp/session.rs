//! A connection and a channel of lapin, and the few calls that every scene makes.

use std::future::Future;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions,
    BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    PublisherConfirm, Result,
};

use crate::support::{Broker, GUARD};

/// Plays a scene, and fails when it takes unreasonably long.
pub(super) fn play<F: Future<Output = Result<()>>>(scene: impl FnOnce(Session) -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let all = async { scene(Session::connect().await?).await };
        let outcome = tokio::time::timeout(GUARD, all).await.expect("the scene ends");
        outcome.expect("the broker agrees with everything in the scene");
    });
}

/// A connection with a channel.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) channel: Channel,
}

impl Session {
    pub(super) async fn connect() -> Result<Self> {
        let uri = format!("amqp://guest:guest@127.0.0.1:{}/%2f", Broker::shared().port());
        let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok(Self { connection, channel })
    }

    /// The same connection, another channel.
    pub(super) async fn another_channel(&self) -> Result<Channel> {
        self.connection.create_channel().await
    }

    pub(super) async fn close(self) -> Result<()> {
        self.connection.close(200, "done".into()).await
    }
}

/// Declares a queue of this connection. An empty name asks the server for one.
pub(super) async fn exclusive_queue(channel: &Channel, name: &str) -> Result<String> {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
    Ok(queue.name().to_string())
}

/// Declares a queue that outlives the broker.
pub(super) async fn durable_queue(channel: &Channel, name: &str) -> Result<()> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, FieldTable::default()).await.map(|_| ())
}

/// Ready messages and consumers of a queue.
pub(super) async fn counts(channel: &Channel, name: &str) -> Result<(u32, u32)> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
    Ok((queue.message_count(), queue.consumer_count()))
}

/// Declares an exchange that goes with its last binding.
pub(super) async fn exchange(
    channel: &Channel,
    name: &str,
    kind: ExchangeKind,
    arguments: FieldTable,
) -> Result<()> {
    let options = ExchangeDeclareOptions { auto_delete: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, arguments).await
}

pub(super) async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default())
        .await
}

/// Publishes text without properties.
pub(super) async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &str,
) -> Result<PublisherConfirm> {
    publish_with(channel, exchange, key, body, BasicProperties::default()).await
}

pub(super) async fn publish_with(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &str,
    properties: BasicProperties,
) -> Result<PublisherConfirm> {
    let options = BasicPublishOptions::default();
    channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties).await
}

/// Consumes with acks.
pub(super) async fn consume(channel: &Channel, queue: &str) -> Result<Consumer> {
    consume_with(channel, queue, BasicConsumeOptions::default()).await
}

/// Consumes without acks.
pub(super) async fn consume_no_ack(channel: &Channel, queue: &str) -> Result<Consumer> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    consume_with(channel, queue, options).await
}

async fn consume_with(
    channel: &Channel,
    queue: &str,
    options: BasicConsumeOptions,
) -> Result<Consumer> {
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
}

pub(super) async fn cancel(channel: &Channel, consumer: &Consumer) -> Result<()> {
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await
}

pub(super) async fn prefetch(channel: &Channel, messages: u16) -> Result<()> {
    channel.basic_qos(messages, BasicQosOptions::default()).await
}

/// The next delivery.
pub(super) async fn next(consumer: &mut Consumer) -> Result<Delivery> {
    consumer.next().await.expect("the consumer goes on")
}

/// The bodies of the next deliveries.
pub(super) async fn texts(consumer: &mut Consumer, count: usize) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(text(&next(consumer).await?));
    }
    Ok(texts)
}

/// A message taken from a queue without ack, or nothing.
pub(super) async fn get(channel: &Channel, queue: &str) -> Result<Option<String>> {
    let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await?;
    Ok(got.map(|message| text(&message.delivery)))
}

pub(super) async fn ack(delivery: &Delivery) -> Result<()> {
    delivery.ack(BasicAckOptions::default()).await.map(|_| ())
}

pub(super) fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.data.clone()).expect("the body is UTF-8")
}
