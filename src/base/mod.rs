//! The vocabulary every other layer shares: identifiers, names, limits, time, field tables, messages.
//!
//! `base` knows nothing: no socket, no file, no AMQP bytes. It is the only layer everybody imports,
//! so whatever stands here must be cheap, total and free of policy.

mod channel_counts;
mod counter;
mod ids;
pub mod limits;
mod memory;
mod message;
mod names;
mod planted;
pub mod plugins;
mod reply;
mod table;
mod time;
mod time_to_live;
mod turned_clock;
mod uri;

pub use channel_counts::{
    ChannelCounters, ChannelCounts, ChannelLevels, LevelCounters, SIZE_BOUNDS, SizeCounts,
};
pub use counter::{Counted, Counter};
pub use ids::{
    ChannelId, ConnectionId, ConsumerId, DeliveryTag, HolderId, MessageId, PublishSequence, QueueId,
};
pub use memory::{MemoryBudget, Pressure};
pub use message::{Body, BodyRef, ContentRef, Message, MessageHeader};
pub use names::{
    ConsumerTag, DIRECT_REPLY_TO, ExchangeName, NameError, ParameterName, PolicyName, QueueName,
    ShortStr, UserName, VhostName,
};
#[cfg(debug_assertions)]
pub use planted::plant;
pub use planted::{Plant, planted};
pub use reply::ReplyCode;
pub use table::{FieldTable, FieldValue};
pub use time::{Clock, ManualClock, Millis, Stopwatch, SystemClock};
pub use time_to_live::TimeToLive;
pub use turned_clock::{TurnedClock, TurnedTime};
pub use uri::{amqp_uri, amqps_uri};
