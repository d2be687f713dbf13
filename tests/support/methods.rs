//! The methods that clients send, with their fields in the order of the specification. Flags are bits
//! from the lowest up.

use super::call::Call;
use super::ids::{Id, id};

/// `exchange.declare` 1, `queue.declare` 1.
pub(crate) const PASSIVE: u8 = 1;
/// `exchange.declare` 2, `queue.declare` 2.
pub(crate) const DURABLE: u8 = 2;

pub(crate) mod connection {
    use super::{Call, Id, id};

    pub(crate) fn close() -> Call {
        Call::of(id::CONNECTION_CLOSE).short(200).short_string("bye").short(0).short(0)
    }

    pub(crate) fn close_ok() -> Call {
        Call::of(id::CONNECTION_CLOSE_OK)
    }

    pub(crate) fn update_secret(secret: &str) -> Call {
        Call::of(id::CONNECTION_UPDATE_SECRET).long_string(secret).short_string("refresh")
    }

    /// A method that no client may send, or that does not exist.
    pub(crate) fn other(id: Id) -> Call {
        Call::of(id)
    }
}

pub(crate) mod channel {
    use super::{Call, id};

    pub(crate) fn open() -> Call {
        Call::of(id::CHANNEL_OPEN).short_string("")
    }

    pub(crate) fn close() -> Call {
        Call::of(id::CHANNEL_CLOSE).short(200).short_string("bye").short(0).short(0)
    }

    pub(crate) fn close_ok() -> Call {
        Call::of(id::CHANNEL_CLOSE_OK)
    }

    pub(crate) fn flow(active: bool) -> Call {
        Call::of(id::CHANNEL_FLOW).octet(u8::from(active))
    }
}

pub(crate) mod exchange {
    use super::{Call, Id, id};

    pub(crate) const AUTO_DELETE: u8 = 4;
    pub(crate) const INTERNAL: u8 = 8;
    pub(crate) const NOWAIT: u8 = 16;
    pub(crate) const IF_UNUSED: u8 = 1;

    pub(crate) fn declare(name: impl AsRef<[u8]>, kind: &str) -> Call {
        let call = Call::of(id::EXCHANGE_DECLARE).short(0).short_string(name).short_string(kind);
        call.flagged().tabled()
    }

    pub(crate) fn delete(name: &str) -> Call {
        Call::of(id::EXCHANGE_DELETE).short(0).short_string(name).flagged()
    }

    pub(crate) fn bind(destination: &str, source: &str, key: impl AsRef<[u8]>) -> Call {
        binding(id::EXCHANGE_BIND, destination, source, key)
    }

    pub(crate) fn unbind(destination: &str, source: &str, key: impl AsRef<[u8]>) -> Call {
        binding(id::EXCHANGE_UNBIND, destination, source, key)
    }

    fn binding(id: Id, destination: &str, source: &str, key: impl AsRef<[u8]>) -> Call {
        let call = Call::of(id).short(0).short_string(destination).short_string(source);
        call.short_string(key).flagged().tabled()
    }
}

pub(crate) mod queue {
    use super::{Call, id};

    pub(crate) const EXCLUSIVE: u8 = 4;
    pub(crate) const AUTO_DELETE: u8 = 8;
    pub(crate) const NOWAIT: u8 = 16;
    pub(crate) const IF_UNUSED: u8 = 1;
    pub(crate) const IF_EMPTY: u8 = 2;

    pub(crate) fn declare(name: impl AsRef<[u8]>) -> Call {
        Call::of(id::QUEUE_DECLARE).short(0).short_string(name).flagged().tabled()
    }

    pub(crate) fn bind(queue: impl AsRef<[u8]>, exchange: &str, key: impl AsRef<[u8]>) -> Call {
        let call = Call::of(id::QUEUE_BIND).short(0).short_string(queue).short_string(exchange);
        call.short_string(key).flagged().tabled()
    }

    /// Has no flags on the wire.
    pub(crate) fn unbind(queue: &str, exchange: &str, key: impl AsRef<[u8]>) -> Call {
        let call = Call::of(id::QUEUE_UNBIND).short(0).short_string(queue).short_string(exchange);
        call.short_string(key).tabled()
    }

    pub(crate) fn purge(queue: &str) -> Call {
        Call::of(id::QUEUE_PURGE).short(0).short_string(queue).flagged()
    }

    pub(crate) fn delete(queue: &str) -> Call {
        Call::of(id::QUEUE_DELETE).short(0).short_string(queue).flagged()
    }
}

pub(crate) mod basic {
    use super::{Call, id};

    pub(crate) const NO_ACK: u8 = 2;
    pub(crate) const EXCLUSIVE: u8 = 4;
    pub(crate) const NOWAIT: u8 = 8;
    pub(crate) const MANDATORY: u8 = 1;
    pub(crate) const IMMEDIATE: u8 = 2;

    pub(crate) fn qos(prefetch_count: u16) -> Call {
        qos_of(0, prefetch_count, false)
    }

    pub(crate) fn qos_of(prefetch_size: u32, prefetch_count: u16, global: bool) -> Call {
        Call::of(id::BASIC_QOS).long(prefetch_size).short(prefetch_count).octet(u8::from(global))
    }

    pub(crate) fn consume(queue: &str, tag: impl AsRef<[u8]>) -> Call {
        let call = Call::of(id::BASIC_CONSUME).short(0).short_string(queue).short_string(tag);
        call.flagged().tabled()
    }

    pub(crate) fn cancel(tag: &str) -> Call {
        Call::of(id::BASIC_CANCEL).short_string(tag).octet(0)
    }

    pub(crate) fn cancel_nowait(tag: &str) -> Call {
        Call::of(id::BASIC_CANCEL).short_string(tag).octet(1)
    }

    pub(crate) fn publish(exchange: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Call {
        let call = Call::of(id::BASIC_PUBLISH).short(0).short_string(exchange).short_string(key);
        call.flagged()
    }

    pub(crate) fn get(queue: &str) -> Call {
        Call::of(id::BASIC_GET).short(0).short_string(queue).octet(0)
    }

    pub(crate) fn get_no_ack(queue: &str) -> Call {
        Call::of(id::BASIC_GET).short(0).short_string(queue).octet(1)
    }

    pub(crate) fn ack(tag: u64) -> Call {
        Call::of(id::BASIC_ACK).long_long(tag).octet(0)
    }

    pub(crate) fn ack_up_to(tag: u64) -> Call {
        Call::of(id::BASIC_ACK).long_long(tag).octet(1)
    }

    pub(crate) fn reject(tag: u64, requeue: bool) -> Call {
        Call::of(id::BASIC_REJECT).long_long(tag).octet(u8::from(requeue))
    }

    /// `flags`: 1 multiple, 2 requeue.
    pub(crate) fn nack(tag: u64, flags: u8) -> Call {
        Call::of(id::BASIC_NACK).long_long(tag).octet(flags)
    }

    pub(crate) fn recover(requeue: bool) -> Call {
        Call::of(id::BASIC_RECOVER).octet(u8::from(requeue))
    }

    pub(crate) fn recover_async(requeue: bool) -> Call {
        Call::of(id::BASIC_RECOVER_ASYNC).octet(u8::from(requeue))
    }
}

pub(crate) mod confirm {
    use super::{Call, id};

    pub(crate) fn select() -> Call {
        Call::of(id::CONFIRM_SELECT).octet(0)
    }
}

pub(crate) mod tx {
    use super::{Call, id};

    pub(crate) fn select() -> Call {
        Call::of(id::TX_SELECT)
    }

    pub(crate) fn commit() -> Call {
        Call::of(id::TX_COMMIT)
    }

    pub(crate) fn rollback() -> Call {
        Call::of(id::TX_ROLLBACK)
    }
}
