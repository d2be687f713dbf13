//! One connection's protocol machine, without a socket: bytes and answers go in, bytes and
//! [`Action`]s come out.
//!
//! The walk of a read: [`Connection::recv`] cuts the input into frames (`recv`), a frame goes to the
//! handshake, to the connection or to a channel, whose handlers (`methods`) are named after the
//! methods; publishes are put together in `content`, counted in `confirms` or held in `tx`;
//! deliveries get their tags in `ledger`. What goes wrong becomes a close frame in `error` and
//! `closing`, nowhere else. No socket, no task, no clock: time is a parameter, waiting is a state.
//!
//! Invariants are numbered P1 to P16 where they are kept.

mod action;
mod channel;
mod channel_failures;
mod channels;
mod closing;
mod confirms;
mod connection;
mod content;
mod error;
mod flow;
mod handshake;
mod heartbeat;
mod info;
mod ledger;
mod methods;
mod recv;
mod sasl;
mod settings;
mod turn;
mod tx;

pub use action::{
    Action, Answer, Ask, Credentials, Delivery, Got, Outcome, Publish, Refusal, Request, Secret,
    Settle,
};
pub use channel_failures::ChannelFailure;
pub use connection::{Connection, Holders};
pub use info::{ChannelInfo, ChannelMode, Initiator, Negotiated};
pub use sasl::Mechanism;
pub use settings::{Settings, server_properties};

#[cfg(test)]
mod tests;
