//! Exchanges of every type, one feeding another, and where the rest goes.

use lapin::options::{ExchangeBindOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind, Result};

use super::session::{
    Session, bind, consume_no_ack, exchange, exclusive_queue, get, play, publish, publish_with,
    texts,
};
use crate::support::unique;

/// A new exchange and so many queues of this connection with names from the server.
async fn setting(session: &Session, kind: ExchangeKind, queues: usize) -> Result<Setting> {
    let name = unique("exchange");
    exchange(&session.channel, &name, kind, FieldTable::default()).await?;
    let mut names = Vec::new();
    for _ in 0..queues {
        names.push(exclusive_queue(&session.channel, "").await?);
    }
    Ok(Setting { exchange: name, queues: names })
}

struct Setting {
    exchange: String,
    queues: Vec<String>,
}

/// Everything that waits in a queue.
async fn waiting(session: &Session, queue: &str) -> Result<Vec<String>> {
    let mut bodies = Vec::new();
    while let Some(body) = get(&session.channel, queue).await? {
        bodies.push(body);
    }
    Ok(bodies)
}

#[test]
fn everybody_who_listens_gets_the_log() {
    play(|session| async move {
        let Setting { exchange, queues } = setting(&session, ExchangeKind::Fanout, 2).await?;
        assert_ne!(queues[0], queues[1]);
        publish(&session.channel, &exchange, "", "nobody listens yet").await?;
        let mut listeners = Vec::new();
        for queue in &queues {
            bind(&session.channel, queue, &exchange, "").await?;
            listeners.push(consume_no_ack(&session.channel, queue).await?);
        }
        for body in ["first", "second"] {
            publish(&session.channel, &exchange, "ignored", body).await?;
        }
        for listener in &mut listeners {
            assert_eq!(texts(listener, 2).await?, ["first", "second"]);
        }
        session.close().await
    });
}

#[test]
fn logs_are_chosen_by_severity() {
    play(|session| async move {
        let Setting { exchange, queues } = setting(&session, ExchangeKind::Direct, 2).await?;
        bind(&session.channel, &queues[0], &exchange, "error").await?;
        for severity in ["info", "warning", "error"] {
            bind(&session.channel, &queues[1], &exchange, severity).await?;
        }
        for severity in ["info", "error", "debug", "warning"] {
            publish(&session.channel, &exchange, severity, severity).await?;
        }
        assert_eq!(waiting(&session, &queues[0]).await?, ["error"]);
        assert_eq!(waiting(&session, &queues[1]).await?, ["info", "error", "warning"]);
        session.close().await
    });
}

#[test]
fn logs_are_chosen_by_pattern() {
    play(|session| async move {
        let Setting { exchange, queues } = setting(&session, ExchangeKind::Topic, 3).await?;
        bind(&session.channel, &queues[0], &exchange, "*.orange.*").await?;
        bind(&session.channel, &queues[1], &exchange, "*.*.rabbit").await?;
        bind(&session.channel, &queues[1], &exchange, "lazy.#").await?;
        bind(&session.channel, &queues[2], &exchange, "#").await?;
        let keys = [
            "quick.orange.rabbit",
            "lazy.orange.elephant",
            "quick.orange.fox",
            "lazy.brown.fox",
            "lazy.pink.rabbit",
            "quick.brown.fox",
            "orange",
            "quick.orange.new.rabbit",
            "lazy.orange.new.rabbit",
        ];
        for key in keys {
            publish(&session.channel, &exchange, key, key).await?;
        }
        let orange = ["quick.orange.rabbit", "lazy.orange.elephant", "quick.orange.fox"];
        assert_eq!(waiting(&session, &queues[0]).await?, orange);
        let rabbits = [
            "quick.orange.rabbit",
            "lazy.orange.elephant",
            "lazy.brown.fox",
            "lazy.pink.rabbit",
            "lazy.orange.new.rabbit",
        ];
        assert_eq!(waiting(&session, &queues[1]).await?, rabbits);
        assert_eq!(waiting(&session, &queues[2]).await?, keys);
        session.close().await
    });
}

#[test]
fn one_exchange_feeds_another() {
    play(|session| async move {
        let channel = &session.channel;
        let all = setting(&session, ExchangeKind::Topic, 0).await?.exchange;
        let Setting { exchange: errors, queues } =
            setting(&session, ExchangeKind::Fanout, 2).await?;
        for queue in &queues {
            bind(channel, queue, &errors, "").await?;
        }
        let options = ExchangeBindOptions::default();
        let (goal, source) = (errors.as_str().into(), all.as_str().into());
        let arguments = FieldTable::default();
        channel.exchange_bind(goal, source, "*.error".into(), options, arguments).await?;
        for key in ["disk.error", "disk.info", "net.error"] {
            publish(channel, &all, key, key).await?;
        }
        for queue in &queues {
            assert_eq!(waiting(&session, queue).await?, ["disk.error", "net.error"]);
        }
        session.close().await
    });
}

#[test]
fn messages_are_chosen_by_their_headers() {
    play(|session| async move {
        let channel = &session.channel;
        let Setting { exchange, queues } = setting(&session, ExchangeKind::Headers, 2).await?;
        for (queue, how) in queues.iter().zip(["all", "any"]) {
            let mut arguments = FieldTable::default();
            arguments.insert("x-match".into(), AMQPValue::LongString(how.into()));
            arguments.insert("format".into(), AMQPValue::LongString("pdf".into()));
            arguments.insert("pages".into(), AMQPValue::LongInt(2));
            let options = QueueBindOptions::default();
            let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
            channel.queue_bind(queue, exchange, "".into(), options, arguments).await?;
        }
        for (body, format, pages) in [("both", "pdf", 2), ("one", "pdf", 3), ("none", "txt", 3)] {
            let mut headers = FieldTable::default();
            headers.insert("format".into(), AMQPValue::LongString(format.into()));
            headers.insert("pages".into(), AMQPValue::LongInt(pages));
            let properties = BasicProperties::default().with_headers(headers);
            publish_with(channel, &exchange, "", body, properties).await?;
        }
        assert_eq!(waiting(&session, &queues[0]).await?, ["both"]);
        assert_eq!(waiting(&session, &queues[1]).await?, ["both", "one"]);
        session.close().await
    });
}

#[test]
fn what_nobody_wants_goes_to_the_alternate_exchange() {
    play(|session| async move {
        let channel = &session.channel;
        let Setting { exchange: rest, queues } = setting(&session, ExchangeKind::Fanout, 2).await?;
        let name = unique("with-alternate");
        let mut arguments = FieldTable::default();
        let alternate = AMQPValue::LongString(rest.as_str().into());
        arguments.insert("alternate-exchange".into(), alternate);
        exchange(channel, &name, ExchangeKind::Direct, arguments).await?;
        bind(channel, &queues[0], &name, "known").await?;
        bind(channel, &queues[1], &rest, "").await?;
        for key in ["known", "unknown"] {
            publish(channel, &name, key, key).await?;
        }
        assert_eq!(waiting(&session, &queues[0]).await?, ["known"]);
        assert_eq!(waiting(&session, &queues[1]).await?, ["unknown"]);
        session.close().await
    });
}

#[test]
fn a_queue_that_leaves_gets_nothing_more() {
    play(|session| async move {
        let channel = &session.channel;
        let Setting { exchange, queues } = setting(&session, ExchangeKind::Direct, 2).await?;
        for queue in &queues {
            bind(channel, queue, &exchange, "k").await?;
        }
        publish(channel, &exchange, "k", "to both").await?;
        let (queue, source) = (queues[0].as_str().into(), exchange.as_str().into());
        channel.queue_unbind(queue, source, "k".into(), FieldTable::default()).await?;
        publish(channel, &exchange, "k", "to one").await?;
        assert_eq!(waiting(&session, &queues[0]).await?, ["to both"]);
        assert_eq!(waiting(&session, &queues[1]).await?, ["to both", "to one"]);
        session.close().await
    });
}
