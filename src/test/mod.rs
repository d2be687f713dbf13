//! A broker inside a test, with a clock that the test turns.
//!
//! [`broker()`] starts one in memory on a free port of 127.0.0.1, in milliseconds and as many as wanted in one
//! process. It lives on a thread of its own, so it works in every kind of test: `#[tokio::test]` with one thread or
//! many, another runtime, or none ([`blocking()`]). When the [`TestBroker`] is dropped, nothing of it is left.
//!
//! It touches nothing of the process: no signal, no global log (what happens is told with `tracing` to whoever the test
//! sets up), no environment variable, no configuration file, no standard output.
//!
//! # With lapin
//!
//! ```
//! use std::time::Duration;
//!
//! use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
//! use lapin::types::{AMQPValue, FieldTable};
//! use lapin::{BasicProperties, Connection, ConnectionProperties};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = haremq::test::broker().await?;
//! let client = Connection::connect(&broker.amqp_uri(), ConnectionProperties::default()).await?;
//! let channel = client.create_channel().await?;
//!
//! // What waits here for ten minutes dies and goes to the queue "work".
//! let mut retry = FieldTable::default();
//! retry.insert("x-message-ttl".into(), AMQPValue::LongInt(600_000));
//! retry.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
//! retry.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString("work".into()));
//! let options = QueueDeclareOptions::default();
//! channel.queue_declare("retry".into(), options, retry).await?;
//! channel.queue_declare("work".into(), options, FieldTable::default()).await?;
//! let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
//! channel.basic_publish("".into(), "retry".into(), options, b"order 7", properties).await?;
//!
//! let there = |broker: &haremq::test::TestBroker| broker.ready("/", "retry") == 1;
//! broker.wait_until("the order waits", Duration::from_secs(5), there).await?;
//! broker.advance(Duration::from_secs(600)).await?;
//!
//! let work = broker.queue("/", "work").expect("it was declared");
//! assert_eq!((broker.ready("/", "retry"), work.ready), (0, 1));
//! assert_eq!(work.messages[0].text(), "order 7");
//! # Ok(())
//! # }
//! ```
//!
//! # What it can do
//!
//! * [`Builder`]: a data folder, the management API, users, virtual hosts, definitions, any key of the configuration.
//! * [`TestBroker::advance`] turns the clock, [`TestBroker::freeze`] stops it.
//! * [`TestBroker::queue`], [`TestBroker::exchanges`], [`TestBroker::bindings`] and [`TestBroker::connections`] look,
//!   and nobody can tell that somebody looked; [`TestBroker::wait_until`] looks until something is so.
//! * [`TestBroker::faults`] makes the broker do what a program must bear.
//! * [`TestBroker::make_vhost`] gives each test a virtual host of its own on one broker, [`TestBroker::snapshot`] a way
//!   back.

mod broker;
mod builder;
mod engine;
mod error;
mod looking;
mod vhost;
mod view;

pub use broker::{TestBroker, blocking, broker};
pub use builder::Builder;
pub use error::TestError;
pub use vhost::{Snapshot, TestVhost};
pub use view::{BindingView, ConnectionView, ConsumerView, ExchangeView, MessageView, QueueView};

/// What the broker's clock shows.
pub use crate::base::TurnedTime;
/// What can go wrong on demand: [`TestBroker::faults`].
pub use crate::broker::{Fault, FaultError, FaultId, FaultKind, Faults, On, OrderedFault};
/// The properties of a message.
pub use crate::wire::Properties;
