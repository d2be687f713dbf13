//! A remote call without a reply queue.

use lapin::message::Delivery;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Result};

use super::session::{
    ack, cancel, consume, consume_no_ack, counts, exclusive_queue, next, play, publish,
    publish_with, text,
};

const PSEUDO_QUEUE: &str = "amq.rabbitmq.reply-to";

async fn call(channel: &Channel, queue: &str, body: &str, number: usize) -> Result<()> {
    let properties = BasicProperties::default()
        .with_reply_to(PSEUDO_QUEUE.into())
        .with_correlation_id(number.to_string().into());
    publish_with(channel, "", queue, body, properties).await.map(|_| ())
}

fn correlation_id(delivery: &Delivery) -> String {
    delivery.properties.correlation_id().as_ref().map(ShortString::to_string).expect("it is there")
}

#[test]
fn remote_calls_are_answered_without_a_reply_queue() {
    play(|session| async move {
        let requests = exclusive_queue(&session.channel, "").await?;
        let client = session.another_channel().await?;
        let mut replies = consume_no_ack(&client, PSEUDO_QUEUE).await?;
        let mut server = consume(&session.channel, &requests).await?;
        for (number, body) in ["one", "two", "three"].into_iter().enumerate() {
            call(&client, &requests, body, number).await?;
        }
        let mut address = String::new();
        for _ in 0..3 {
            let request = next(&mut server).await?;
            address = request.properties.reply_to().clone().expect("an address").to_string();
            assert_eq!(counts(&session.channel, &address).await?, (0, 1));
            let properties =
                BasicProperties::default().with_correlation_id(correlation_id(&request).into());
            let answer = text(&request).to_uppercase();
            publish_with(&session.channel, "", &address, &answer, properties).await?;
            ack(&request).await?;
        }
        for (number, answer) in ["ONE", "TWO", "THREE"].into_iter().enumerate() {
            let reply = next(&mut replies).await?;
            assert_eq!(
                (text(&reply).as_str(), correlation_id(&reply)),
                (answer, number.to_string())
            );
            assert_eq!(reply.routing_key.as_str(), address);
        }
        cancel(&client, &replies).await?;
        publish(&session.channel, "", &address, "late").await?;
        let gone = counts(&session.channel, &address).await.expect_err("nobody is there");
        assert!(gone.to_string().contains("NOT_FOUND - no queue"), "{gone}");
        session.close().await
    });
}
