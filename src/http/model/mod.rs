//! Queues, exchanges, bindings, connections, channels, consumers and messages as JSON, field by field as
//! RabbitMQ names them. What is not known here is left out; nothing is made up.

mod binding;
mod channel;
mod connection;
mod consumer;
mod exchange;
mod message;
mod queue;
mod rates;
mod table;
mod text;

pub use binding::{BindingModel, PropertiesKey, PropertiesKeyError, properties_key, quote_plus};
pub use channel::{ChannelModel, ConnectionDetails};
pub use connection::{ConnectionModel, peer_host};
pub use consumer::{ChannelDetails, ConsumerModel, QueueName};
pub use exchange::ExchangeModel;
pub use message::{MessageModel, properties_from_json, properties_to_json};
pub use queue::{BasicQueue, FullQueue, QueueStats, QueueTotals, QuorumFields};
pub use rates::{Details, Number, SamplePoint, Stats};
pub use table::{JsonTableError, table_from_json, table_to_json, value_from_json, value_to_json};
pub use text::text;
