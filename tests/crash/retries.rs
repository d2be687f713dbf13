//! The retry topology of practice over a restart: work queue, reject, wait in a queue with a time to live,
//! work again. The history of the message goes on counting.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicRejectOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Connection, ConnectionProperties, Consumer};
use tempfile::TempDir;

use super::server::Server;
use crate::support::GUARD;

/// How long a message waits before it is tried again, in ms: nobody waits for it but this test.
const RETRY_MS: i32 = 20;

async fn connect(server: &Server) -> Connection {
    let uri = format!("amqp://guest:guest@127.0.0.1:{}/%2f", server.port());
    Connection::connect(&uri, ConnectionProperties::default()).await.expect("a connection")
}

async fn declare(connection: &Connection, name: &str, to: &str, ttl_ms: Option<i32>) {
    let channel = connection.create_channel().await.expect("a channel");
    let text = |text: &str| AMQPValue::LongString(LongString::from(text));
    let mut arguments = FieldTable::default();
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(to));
    if let Some(ttl_ms) = ttl_ms {
        arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(ttl_ms));
    }
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, arguments).await.expect("a queue");
}

async fn consume(connection: &Connection) -> Consumer {
    let channel = connection.create_channel().await.expect("a channel");
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume("work".into(), "".into(), options, FieldTable::default())
        .await
        .expect("a consumer")
}

async fn next(consumer: &mut Consumer) -> Delivery {
    consumer.next().await.expect("the consumer goes on").expect("a delivery")
}

/// Queue, reason and count of each entry of `x-death`, the last one first.
fn history(delivery: &Delivery) -> Vec<(String, String, i64)> {
    let headers = delivery.properties.headers().as_ref();
    let Some(AMQPValue::FieldArray(deaths)) =
        headers.and_then(|headers| headers.inner().get("x-death"))
    else {
        return Vec::new();
    };
    let entry = |death: &AMQPValue| {
        let AMQPValue::FieldTable(death) = death else { panic!("{death:?}") };
        let text = |key: &str| match death.inner().get(key) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{key}: {other:?}"),
        };
        let Some(AMQPValue::LongLongInt(count)) = death.inner().get("count") else {
            panic!("{death:?}")
        };
        (text("queue"), text("reason"), *count)
    };
    deaths.as_slice().iter().map(entry).collect()
}

fn after_rounds(rounds: i64) -> Vec<(String, String, i64)> {
    let entry = |queue: &str, reason: &str| (queue.to_owned(), reason.to_owned(), rounds);
    if rounds == 0 { vec![] } else { vec![entry("retry", "expired"), entry("work", "rejected")] }
}

/// Rejects the message of these rounds.
async fn reject(connection: &Connection, rounds: std::ops::Range<i64>) {
    let mut consumer = consume(connection).await;
    for round in rounds {
        let delivery = next(&mut consumer).await;
        assert_eq!(
            (delivery.data.as_slice(), history(&delivery)),
            (&b"job"[..], after_rounds(round))
        );
        delivery.reject(BasicRejectOptions { requeue: false }).await.expect("it is taken");
    }
}

/// Waits until the message has come to the end of its round.
async fn until_back(connection: &Connection) {
    let channel = connection.create_channel().await.expect("a channel");
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    loop {
        let work = channel.queue_declare("work".into(), options, FieldTable::default()).await;
        if work.expect("it is there").message_count() == 1 {
            return channel.close(200, "done".into()).await.expect("it is closed");
        }
    }
}

async fn publish(connection: &Connection) {
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let properties = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    let confirm =
        channel.basic_publish("".into(), "work".into(), options, b"job", properties).await;
    confirm.expect("it is sent").await.expect("it is confirmed");
}

#[test]
fn a_retried_message_keeps_its_history_over_a_restart() {
    let data = TempDir::new().expect("a data directory");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = Server::start(data.path());
    let first = async {
        let connection = connect(&server).await;
        declare(&connection, "work", "retry", None).await;
        declare(&connection, "retry", "work", Some(RETRY_MS)).await;
        publish(&connection).await;
        reject(&connection, 0..3).await;
        // A letter that is still under way when the broker stops would be back at its old place.
        until_back(&connection).await;
        connection.close(200, "done".into()).await.expect("it is closed");
    };
    runtime.block_on(async { tokio::time::timeout(GUARD, first).await.expect("it ends") });
    let stderr = server.stop();
    assert!(!stderr.contains("ERROR"), "{stderr}");
    let server = Server::start(data.path());
    let second = async {
        let connection = connect(&server).await;
        reject(&connection, 3..5).await;
        let mut consumer = consume(&connection).await;
        let delivery = next(&mut consumer).await;
        assert_eq!(history(&delivery), after_rounds(5));
        delivery.ack(BasicAckOptions::default()).await.expect("it is taken");
        connection.close(200, "done".into()).await.expect("it is closed");
    };
    runtime.block_on(async { tokio::time::timeout(GUARD, second).await.expect("it ends") });
    server.stop();
}
