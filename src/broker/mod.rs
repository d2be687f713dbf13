//! The live world: virtual hosts, queues in their cells, inboxes of connections. Arcs and locks, but
//! no socket and no task; tasks are asked for through [`Scheduler`].
//!
//! Lock order of the whole broker: vhost table → nothing; cell core → (cell inbox | connection
//! inbox). The right-hand ones are leaves: nothing is locked while one of them is held. The vhost
//! table is never locked while a cell core is (`docs/ownership.md`).

mod accounts;
mod admin;
mod after;
mod alarms;
mod arguments;
#[expect(clippy::module_inception, reason = "the file is named after its type")]
mod broker;
mod cell;
mod client;
mod counts;
mod courier;
mod crashed;
mod credit;
mod dead_letter;
mod dedup;
mod default_type;
mod delaying;
mod direct;
mod direct_reply;
mod effective;
mod envelope;
mod error;
mod event;
mod exchanges;
mod executor;
mod facts;
mod faults;
mod handover;
mod history;
mod inbox;
mod inspect;
mod interceptors;
mod keeping;
mod key_log;
mod limits;
mod listing;
mod logins;
mod notices;
mod pages;
mod parting;
mod payload;
mod policies;
pub mod policy;
mod publish;
mod questions;
mod queue_settings;
mod queues;
mod records;
mod recovery;
mod requests;
mod rewinding;
mod seeds;
mod sender_selected;
mod server_names;
mod spans;
mod storing;
mod sweep;
mod sweeping;
mod sync;
mod timers;
mod turning;
mod unique;
mod vhost;
mod windows;

#[cfg(test)]
mod tests;

/// What a channel counts.
pub use crate::base::ChannelCounts;
pub use accounts::{AccountError, Accounts, user_record};
pub use admin::{
    AlarmReport, AlarmState, CertificateInfo, ChannelReport, ChurnCounts, ConnectionInfo,
    ConnectionInsight, ConnectionReport, ConsumerReport, Describe, PassingVhost, PassingVhostError,
    Put, QueueReport, Rehearsal, TlsInfo, TogetherError, VhostCounts, VhostError,
    with_default_type,
};
pub use broker::{
    Broker, BrokerSettings, BrokerStorage, Edit, HeaderParser, HeaderWriter, Peer, PropertyEditor,
    PropertyHasher, PropertyLister, Scheduler, WorkCounts,
};
pub use cell::{Cell, QueueInfo};
pub use client::{Client, ClientConsumer};
pub use counts::{
    ChannelTotals, ConnectionCounters, ConnectionCounts, DeadLetterCounts, ExchangeCounts, GivenUp,
    Lag, OpenChannel, QueueLevels, QueueNumbers, Strategy, Sums, Traffic,
};
pub use courier::{DeadLetterLosses, DeadLetters};
pub use credit::ChannelCredit;
pub use dedup::{DeduplicationWindow, Remembered, Seen};
pub use delaying::{Delayed, DelayedPage, DelayedPlace};
pub use direct::{
    AckMode, Behalf, DirectClient, Fetch, Fetched, Move, MoveTo, Moved, Published, Purpose, Stopped,
};
pub use direct_reply::DirectReplyLosses;
pub use error::Refused;
pub use event::{DeliveryEvent, Event};
pub use faults::{
    Blow, Fault, FaultError, FaultId, FaultKind, Faults, Narrowed, On, OrderedFault, PublishBlow,
    Scene,
};
pub use inbox::{Choked, Inbox, Load};
pub use inspect::{
    Arrival, ConsumerInsight, Filter, HeaderFilter, Holding, HoldingMessage, Holdings, PeekBounds,
    Peeked, PeekedMessage, QueueInsight, Restraint, RouteMessage, Tap, Tapped,
};
pub use interceptors::{Existing, Interceptors};
pub use limits::{NodeLimits, UserLimits, VhostLimits};
pub use logins::{Authority, LoggedIn, LoginBackend};
pub use notices::{Actor, LoginAttempt, NoticeLosses, Via};
pub use pages::PageQuestion;
pub use parting::Parting;
pub use payload::{Content, Unneeded};
pub use publish::{PublishOutcome, Publisher};
pub use queues::DeclaredQueue;
pub use requests::{Answered, Consume, ConsumeRequest, DeclareExchange, DeclareQueue, Step};
pub use rewinding::{KeepBounds, KeepError, KeptMessages};
pub use seeds::{SeedLimits, SeedPolicy, SeedUser, Seeds};
pub use spans::{
    Span, SpanCounts, SpanId, SpanKind, SpanSettings, SpanValue, Spans, TraceContext, TraceId,
};
pub use sweeping::Sweeping;
pub use vhost::Vhost;

/// Who is logged in, and what with.
pub use crate::access::{Asked, Identity, Login, Rights};
/// The words of routing and of queues that a caller of the broker needs.
pub use crate::queue::{Attempt, Depths, Losses, Place, Settlement};
pub use crate::routing::{
    Binding, By, Destination, Exchange, ExchangeKind, Explanation, HashProperty, Outcome,
    Step as RouteStep, WayTo,
};
/// Why a message cannot be read back.
pub use crate::store::LogError as Unreadable;
/// How the message log is.
pub use crate::store::{LogLoad, LogStatus};

use envelope::Envelope;
use error::refuse;

#[cfg(test)]
pub(crate) use tests::{broker_over, open_broker, put_message, turned_broker};
