//! Numbers that mean something. A bare `u64` never crosses a module border.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One accepted connection; unique for the life of the process.
    ConnectionId(u64)
}
id! {
    /// The channel number of a frame (spec: 4.2.3 General Frame Format). 0 is the connection itself.
    ChannelId(u16)
}
id! {
    /// One opening of one channel. A channel number comes back after `channel.close`, a holder never
    /// does; everything a queue remembers about unsettled messages hangs on the holder.
    HolderId(u64)
}
id! {
    /// One consumer of one queue; unique for the life of the process.
    ConsumerId(u64)
}
id! {
    /// One declared queue; unique for the life of the process, never used again after a delete.
    QueueId(u64)
}
id! {
    /// A message's place in one queue: given in order of arrival, from 1, never used again.
    MessageId(u64)
}
id! {
    /// The number by which a client settles a delivery; from 1 per channel (spec: 1.1 delivery-tag).
    DeliveryTag(u64)
}
id! {
    /// The number of a publish on a confirming channel, from 1 (rabbitmq: confirms.md).
    PublishSequence(u64)
}

impl MessageId {
    /// The id that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
