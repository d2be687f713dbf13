//! Queues: one to one, one to many workers, question and answer.

use lapin::options::{BasicNackOptions, BasicQosOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Result};
use tokio::sync::oneshot;

use super::session::{
    Session, ack, consume, consume_no_ack, counts, durable_queue, exclusive_queue, get, next, play,
    prefetch, publish, publish_with, text, texts,
};
use crate::support::unique;

async fn delete(session: &Session, queue: &str) -> Result<()> {
    let options = QueueDeleteOptions::default();
    session.channel.queue_delete(queue.into(), options).await.map(|_| ())
}

#[test]
fn a_plain_queue_keeps_the_order() {
    play(|session| async move {
        let queue = exclusive_queue(&session.channel, "").await?;
        for n in 0..100 {
            publish(&session.channel, "", &queue, &n.to_string()).await?;
        }
        let mut consumer = consume_no_ack(&session.channel, &queue).await?;
        let expected: Vec<_> = (0..100).map(|n: u32| n.to_string()).collect();
        assert_eq!(texts(&mut consumer, 100).await?, expected);
        session.close().await
    });
}

#[test]
fn a_queue_declared_twice_is_one_queue() {
    play(|session| async move {
        let name = unique("twice");
        durable_queue(&session.channel, &name).await?;
        let other = Session::connect().await?;
        durable_queue(&other.channel, &name).await?;
        publish(&session.channel, "", &name, "hello").await?;
        let mut consumer = consume_no_ack(&other.channel, &name).await?;
        assert_eq!(texts(&mut consumer, 1).await?, ["hello"]);
        delete(&other, &name).await?;
        other.close().await?;
        session.close().await
    });
}

/// The slow worker is still busy with its first task when the fast one has done all others.
#[test]
fn tasks_go_to_the_worker_that_is_free() {
    play(|session| async move {
        const TASKS: usize = 20;
        let name = unique("tasks");
        durable_queue(&session.channel, &name).await?;
        let persistent = BasicProperties::default().with_delivery_mode(2);
        for n in 0..TASKS {
            let task = format!("task {n}");
            publish_with(&session.channel, "", &name, &task, persistent.clone()).await?;
        }
        let (slow, fast) = (Session::connect().await?, Session::connect().await?);
        prefetch(&slow.channel, 1).await?;
        prefetch(&fast.channel, 1).await?;
        let mut slow_tasks = consume(&slow.channel, &name).await?;
        let held = next(&mut slow_tasks).await?;
        let (done, others_done) = oneshot::channel();
        let mut fast_tasks = consume(&fast.channel, &name).await?;
        let work = async {
            for _ in 0..TASKS - 1 {
                ack(&next(&mut fast_tasks).await?).await?;
            }
            done.send(()).expect("the slow one waits");
            Ok(())
        };
        let slow_work = async {
            others_done.await.expect("the fast one is done");
            ack(&held).await
        };
        let (fast_outcome, slow_outcome): (Result<()>, Result<()>) =
            futures_util::future::join(work, slow_work).await;
        fast_outcome?;
        slow_outcome?;
        assert_eq!(text(&held), "task 0");
        // Closing settles what is under way, so an ack that was lost would show.
        slow.close().await?;
        fast.close().await?;
        assert_eq!(counts(&session.channel, &name).await?, (0, 0));
        delete(&session, &name).await?;
        session.close().await
    });
}

#[test]
fn without_acks_in_the_way_workers_take_turns() {
    play(|session| async move {
        let queue = exclusive_queue(&session.channel, "").await?;
        let other = session.another_channel().await?;
        let mut first = consume_no_ack(&session.channel, &queue).await?;
        let mut second = consume_no_ack(&other, &queue).await?;
        for n in 0..10 {
            publish(&session.channel, "", &queue, &n.to_string()).await?;
        }
        assert_eq!(texts(&mut first, 5).await?, ["0", "2", "4", "6", "8"]);
        assert_eq!(texts(&mut second, 5).await?, ["1", "3", "5", "7", "9"]);
        session.close().await
    });
}

#[test]
fn orders_go_through_queues_with_chinese_names() {
    play(|session| async move {
        let queue = exclusive_queue(&session.channel, &unique("订单")).await?;
        publish(&session.channel, "", &queue, "订单 #1").await?;
        assert_eq!(get(&session.channel, &queue).await?.as_deref(), Some("订单 #1"));

        let bulk = exclusive_queue(&session.channel, &unique("批量订单")).await?;
        let mut consumer = consume(&session.channel, &bulk).await?;
        for n in 0..1000 {
            publish(&session.channel, "", &bulk, &format!("订单 #{n}")).await?;
        }
        for n in 0..1000 {
            let delivery = next(&mut consumer).await?;
            assert_eq!(text(&delivery), format!("订单 #{n}"));
            assert_eq!(delivery.routing_key.as_str(), bulk);
            ack(&delivery).await?;
        }
        assert_eq!(counts(&session.channel, &bulk).await?, (0, 1));
        session.close().await
    });
}

#[test]
fn what_a_dropped_consumer_did_not_ack_is_delivered_again() {
    play(|session| async move {
        let name = unique("dropped");
        durable_queue(&session.channel, &name).await?;
        for body in ["acked", "not acked", "not acked either"] {
            publish(&session.channel, "", &name, body).await?;
        }
        let dying = Session::connect().await?;
        let mut consumer = consume(&dying.channel, &name).await?;
        let deliveries =
            [next(&mut consumer).await?, next(&mut consumer).await?, next(&mut consumer).await?];
        assert!(deliveries.iter().all(|delivery| !delivery.redelivered));
        ack(&deliveries[0]).await?;
        dying.close().await?;
        let mut heir = consume(&session.channel, &name).await?;
        for body in ["not acked", "not acked either"] {
            let delivery = next(&mut heir).await?;
            assert_eq!((text(&delivery).as_str(), delivery.redelivered), (body, true));
            ack(&delivery).await?;
        }
        delete(&session, &name).await?;
        session.close().await
    });
}

#[test]
fn a_task_that_failed_is_tried_again() {
    play(|session| async move {
        let queue = exclusive_queue(&session.channel, "").await?;
        prefetch(&session.channel, 1).await?;
        let mut consumer = consume(&session.channel, &queue).await?;
        publish(&session.channel, "", &queue, "hard").await?;
        publish(&session.channel, "", &queue, "easy").await?;
        let first = next(&mut consumer).await?;
        first.nack(BasicNackOptions { requeue: true, multiple: false }).await?;
        let again = next(&mut consumer).await?;
        assert_eq!((text(&again).as_str(), again.redelivered), ("hard", true));
        ack(&again).await?;
        assert_eq!(texts(&mut consumer, 1).await?, ["easy"]);
        session.close().await
    });
}

#[test]
fn answers_meet_their_questions() {
    play(|session| async move {
        let server = Session::connect().await?;
        let requests = exclusive_queue(&server.channel, &unique("rpc")).await?;
        server.channel.basic_qos(1, BasicQosOptions::default()).await?;
        let mut incoming = consume(&server.channel, &requests).await?;
        let replies = exclusive_queue(&session.channel, "").await?;
        let mut answers = consume_no_ack(&session.channel, &replies).await?;
        for n in 0..5 {
            let properties = BasicProperties::default()
                .with_reply_to(replies.as_str().into())
                .with_correlation_id(format!("question {n}").into());
            let question = n.to_string();
            publish_with(&session.channel, "", &requests, &question, properties).await?;
        }
        for _ in 0..5 {
            let question = next(&mut incoming).await?;
            let number: u32 = text(&question).parse().expect("a number");
            let reply_to = question.properties.reply_to().clone().expect("where to answer");
            let which = question.properties.correlation_id().clone().expect("which question");
            let properties = BasicProperties::default().with_correlation_id(which);
            let answer = (number * number).to_string();
            publish_with(&server.channel, "", reply_to.as_str(), &answer, properties).await?;
            ack(&question).await?;
        }
        for n in 0..5 {
            let answer = next(&mut answers).await?;
            let which = answer.properties.correlation_id().clone().expect("which question");
            assert_eq!(which.as_str(), format!("question {n}"));
            assert_eq!(text(&answer), (n * n).to_string());
        }
        server.close().await?;
        session.close().await
    });
}

#[test]
fn many_clients_work_at_the_same_time() {
    play(|session| async move {
        let name = unique("busy");
        durable_queue(&session.channel, &name).await?;
        let publishers = (0..5).map(|n| {
            let name = &name;
            async move {
                let publisher = Session::connect().await?;
                for m in 0..50 {
                    publish(&publisher.channel, "", name, &format!("{n}/{m}")).await?;
                }
                publisher.close().await
            }
        });
        for outcome in futures_util::future::join_all(publishers).await {
            outcome?;
        }
        let mut consumer = consume_no_ack(&session.channel, &name).await?;
        let mut got = texts(&mut consumer, 250).await?;
        for n in 0..5 {
            let start = format!("{n}/");
            let of_one: Vec<_> = got.iter().filter(|body| body.starts_with(&start)).collect();
            let expected: Vec<_> = (0..50).map(|m| format!("{n}/{m}")).collect();
            assert!(of_one.into_iter().eq(&expected), "each publisher's order is kept");
        }
        got.sort();
        got.dedup();
        assert_eq!(got.len(), 250, "no message came twice");
        delete(&session, &name).await?;
        session.close().await
    });
}
