//! What a publisher can rely on: confirms, returns, transactions, and clear refusals.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation};

use super::session::{
    Session, ack, cancel, consume, counts, exclusive_queue, get, next, play, publish, text,
};

#[test]
fn every_publish_is_confirmed() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = exclusive_queue(channel, "").await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut confirms = Vec::new();
        for n in 0..200 {
            confirms.push(publish(channel, "", &queue, &n.to_string()).await?);
        }
        for confirm in confirms {
            assert_eq!(confirm.await?, Confirmation::Ack(None));
        }
        assert_eq!(counts(channel, &queue).await?, (200, 0));
        session.close().await
    });
}

#[test]
fn a_mandatory_message_that_reaches_nobody_comes_back() {
    play(|session| async move {
        let channel = &session.channel;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_message_id("42".into());
        let confirm = channel
            .basic_publish("".into(), "no such queue".into(), mandatory, b"back", properties)
            .await?;
        let confirmation = confirm.await?;
        assert!(confirmation.is_ack(), "{confirmation:?}");
        let returned = confirmation.take_message().expect("the message");
        assert_eq!((returned.reply_code, returned.reply_text.as_str()), (312, "NO_ROUTE"));
        assert_eq!(text(&returned.delivery), "back");
        assert_eq!(returned.delivery.routing_key.as_str(), "no such queue");
        let id = returned.delivery.properties.message_id().clone();
        assert_eq!(id.expect("it is kept").as_str(), "42");
        session.close().await
    });
}

#[test]
fn a_mandatory_message_that_reaches_somebody_stays() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = exclusive_queue(channel, "").await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let key = queue.as_str().into();
        let properties = BasicProperties::default();
        let confirm =
            channel.basic_publish("".into(), key, mandatory, b"stays", properties).await?;
        assert_eq!(confirm.await?, Confirmation::Ack(None));
        assert_eq!(get(channel, &queue).await?.as_deref(), Some("stays"));
        session.close().await
    });
}

#[test]
fn a_rollback_forgets_and_a_commit_keeps() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = exclusive_queue(channel, "").await?;
        channel.tx_select().await?;
        publish(channel, "", &queue, "forgotten").await?;
        channel.tx_rollback().await?;
        assert_eq!(counts(channel, &queue).await?, (0, 0));
        publish(channel, "", &queue, "kept").await?;
        assert_eq!(counts(channel, &queue).await?, (0, 0), "not before the commit");
        channel.tx_commit().await?;
        assert_eq!(get(channel, &queue).await?.as_deref(), Some("kept"));
        assert_eq!(get(channel, &queue).await?, None);
        session.close().await
    });
}

#[test]
fn an_ack_counts_when_it_is_committed() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = exclusive_queue(channel, "").await?;
        publish(channel, "", &queue, "job").await?;
        let worker = session.another_channel().await?;
        worker.tx_select().await?;
        let mut consumer = consume(&worker, &queue).await?;
        ack(&next(&mut consumer).await?).await?;
        worker.tx_commit().await?;
        worker.close(200, "done".into()).await?;
        assert_eq!(get(channel, &queue).await?, None);

        publish(channel, "", &queue, "another job").await?;
        let worker = session.another_channel().await?;
        worker.tx_select().await?;
        let mut consumer = consume(&worker, &queue).await?;
        ack(&next(&mut consumer).await?).await?;
        worker.tx_rollback().await?;
        worker.close(200, "done".into()).await?;
        assert_eq!(get(channel, &queue).await?.as_deref(), Some("another job"));
        session.close().await
    });
}

#[test]
fn a_cancelled_consumer_gets_nothing_more() {
    play(|session| async move {
        let channel = &session.channel;
        let queue = exclusive_queue(channel, "").await?;
        let mut consumer = consume(channel, &queue).await?;
        publish(channel, "", &queue, "first").await?;
        ack(&next(&mut consumer).await?).await?;
        cancel(channel, &consumer).await?;
        publish(channel, "", &queue, "second").await?;
        assert_eq!(get(channel, &queue).await?.as_deref(), Some("second"));
        session.close().await
    });
}

#[test]
fn a_refusal_names_its_reason_and_spares_the_connection() {
    play(|session| async move {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let arguments = FieldTable::default();
        let refused = session.channel.queue_declare("missing".into(), passive, arguments).await;
        let error = refused.expect_err("there is no such queue").to_string();
        assert!(error.contains("no queue 'missing' in vhost '/'"), "{error}");
        let channel = session.another_channel().await?;
        let queue = exclusive_queue(&channel, "").await?;
        publish(&channel, "", &queue, "still here").await?;
        assert_eq!(get(&channel, &queue).await?.as_deref(), Some("still here"));
        session.close().await
    });
}

#[test]
fn what_is_another_connection_s_own_is_refused() {
    play(|session| async move {
        let queue = exclusive_queue(&session.channel, "").await?;
        let stranger = Session::connect().await?;
        let refused = consume(&stranger.channel, &queue).await;
        let error = refused.expect_err("it is not the stranger's").to_string();
        assert!(error.contains("cannot obtain exclusive access to locked queue"), "{error}");
        stranger.close().await?;
        session.close().await
    });
}
