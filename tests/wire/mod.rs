//! Scripts of raw bytes, grouped as the tables of `docs/reply-codes.md` are. What a broker has to
//! answer is written out to the letter.

mod alarms;
mod bindings;
mod channels;
mod confirms;
mod consuming;
mod content;
mod delayed_exchange;
mod direct_reply;
mod duplicates;
mod exchange_kinds;
mod exchanges;
mod exclusive;
mod frames;
mod headers_exchange;
mod heartbeat;
mod interceptors;
mod login;
mod memory;
mod names;
mod nesting;
mod permissions;
mod prefetch;
mod properties;
mod protocol_header;
mod publishing;
mod queue_arguments;
mod queues;
mod sender_selected;
mod settling;
mod shutdown;
mod slow_consumer;
mod transactions;
mod tune;
