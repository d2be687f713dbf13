//! What the arguments of queues, consumers and messages do, with a real client.

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicNackOptions, BasicRejectOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Consumer, Result};

use crate::support::on_oracle;

use super::session::{ack, next, play, publish, publish_with, text};

fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert((*key).into(), value.clone());
    }
    table
}

async fn declare(channel: &Channel, arguments: &[(&str, AMQPValue)]) -> Result<String> {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare("".into(), options, table(arguments)).await?;
    Ok(queue.name().to_string())
}

async fn consume(
    channel: &Channel,
    queue: &str,
    arguments: &[(&str, AMQPValue)],
) -> Result<Consumer> {
    let options = BasicConsumeOptions::default();
    channel.basic_consume(queue.into(), "".into(), options, table(arguments)).await
}

/// A queue whose dead letters go to another one by name.
async fn declare_with_dead_letters(
    channel: &Channel,
    to: &str,
    more: &[(&str, AMQPValue)],
) -> Result<String> {
    let mut arguments = vec![
        ("x-dead-letter-exchange", AMQPValue::LongString("".into())),
        ("x-dead-letter-routing-key", AMQPValue::LongString(to.into())),
    ];
    arguments.extend_from_slice(more);
    declare(channel, &arguments).await
}

fn header(delivery: &lapin::message::Delivery, key: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(key)? {
        AMQPValue::LongString(value) => Some(value.to_string()),
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn a_message_with_an_expiration_becomes_a_dead_letter_without_one() {
    play(|session| async move {
        let channel = &session.channel;
        let dead = declare(channel, &[]).await?;
        let queue = declare_with_dead_letters(channel, &dead, &[]).await?;
        let properties = BasicProperties::default()
            .with_expiration("10".into())
            .with_message_id("42".into())
            .with_headers(table(&[("mine", AMQPValue::LongString("kept".into()))]));
        publish_with(channel, "", &queue, "late", properties).await?;
        let mut consumer = consume(channel, &dead, &[]).await?;
        let delivery = next(&mut consumer).await?;
        assert_eq!(text(&delivery), "late");
        assert_eq!(*delivery.properties.expiration(), None);
        let id = delivery.properties.message_id().clone().expect("it is kept");
        assert_eq!(id.as_str(), "42");
        assert_eq!(header(&delivery, "mine").as_deref(), Some("kept"));
        assert_eq!(header(&delivery, "x-first-death-reason").as_deref(), Some("expired"));
        assert_eq!(header(&delivery, "x-first-death-queue"), Some(queue));
        session.close().await
    });
}

#[test]
fn a_full_queue_that_refuses_says_so_with_a_nack() {
    play(|session| async move {
        let channel = &session.channel;
        let refusing = AMQPValue::LongString("reject-publish".into());
        let queue =
            declare(channel, &[("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", refusing)])
                .await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        assert!(publish(channel, "", &queue, "first").await?.await?.is_ack());
        let second = publish(channel, "", &queue, "second").await?.await?;
        assert_eq!(second, Confirmation::Nack(None));
        session.close().await
    });
}

#[test]
fn a_consumer_with_a_priority_is_served_first() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = declare(channel, &[]).await?;
        let mut low = consume(channel, &queue, &[]).await?;
        let priority = [("x-priority", AMQPValue::LongInt(10))];
        let mut high = consume(channel, &queue, &priority).await?;
        publish(channel, "", &queue, "for the high one").await?;
        let delivery = next(&mut high).await?;
        ack(&delivery).await?;
        channel.basic_cancel(high.tag(), lapin::options::BasicCancelOptions::default()).await?;
        publish(channel, "", &queue, "for the low one").await?;
        assert_eq!(text(&next(&mut low).await?), "for the low one");
        session.close().await
    });
}

/// Before 4.3 RabbitMQ counts a nack as a failure, and has one header for both.
#[test]
fn a_message_of_a_quorum_queue_says_how_often_it_was_tried_and_how_often_it_failed() {
    play(|session| async move {
        let channel = &session.channel;
        let name = crate::support::unique("quorum");
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let quorum = table(&[("x-queue-type", AMQPValue::LongString("quorum".into()))]);
        channel.queue_declare(name.as_str().into(), options, quorum).await?;
        publish(channel, "", &name, "m").await?;
        let mut consumer = consume(channel, &name, &[]).await?;
        // What stands in the message, acquired and failed, and whether the attempt fails.
        let number = |count: i64| Some(format!("LongLongInt({count})"));
        let rounds =
            [(None, true), (Some((1, 1)), false), (Some((2, 1)), true), (Some((3, 2)), true)];
        for (counts, fails) in rounds {
            let delivery = next(&mut consumer).await?;
            let acquired = counts.and_then(|(acquired, _)| number(acquired));
            if on_oracle() {
                assert_eq!(header(&delivery, "x-delivery-count"), acquired);
            } else {
                let failed = counts.and_then(|(_, failed)| number(failed));
                assert_eq!(header(&delivery, "x-acquired-count"), acquired);
                assert_eq!(header(&delivery, "x-delivery-count"), failed);
            }
            if fails {
                delivery.reject(BasicRejectOptions { requeue: true }).await?;
            } else {
                let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
                delivery.nack(requeue).await?;
            }
        }
        let delete = lapin::options::QueueDeleteOptions::default();
        channel.queue_delete(name.as_str().into(), delete).await?;
        session.close().await
    });
}

#[test]
fn a_nack_does_not_count_for_the_delivery_limit_and_a_reject_does() {
    if on_oracle() {
        return;
    }
    play(|session| async move {
        let channel = &session.channel;
        let dead = declare(channel, &[]).await?;
        let limit = [("x-delivery-limit", AMQPValue::LongInt(1))];
        let queue = declare_with_dead_letters(channel, &dead, &limit).await?;
        publish(channel, "", &queue, "poison").await?;
        let mut consumer = consume(channel, &queue, &[]).await?;
        for _ in 0..5 {
            let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            next(&mut consumer).await?.nack(requeue).await?;
        }
        for _ in 0..2 {
            next(&mut consumer).await?.reject(BasicRejectOptions { requeue: true }).await?;
        }
        let mut letters = consume(channel, &dead, &[]).await?;
        let letter = next(&mut letters).await?;
        assert_eq!(header(&letter, "x-first-death-reason").as_deref(), Some("delivery_limit"));
        session.close().await
    });
}

#[test]
fn a_consumer_that_is_late_is_cancelled() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = declare(channel, &[("x-consumer-timeout", AMQPValue::LongInt(20))]).await?;
        let mut late = consume(channel, &queue, &[]).await?;
        publish(channel, "", &queue, "m").await?;
        let delivery = next(&mut late).await?;
        assert!(!delivery.redelivered);
        assert!(late.next().await.is_none(), "the consumer is told");
        let mut other = consume(channel, &queue, &[]).await?;
        assert!(next(&mut other).await?.redelivered);
        session.close().await
    });
}
