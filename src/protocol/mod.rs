//! One connection's protocol machine, without a socket: bytes and answers go in, bytes and
//! [`Action`]s come out.

mod action;
mod connection;
mod settings;

pub use action::{
    Action, Answer, Ask, Credentials, Delivery, Got, Outcome, Publish, Refusal, Request, Secret,
    Settle,
};
pub use connection::{Connection, Holders, Initiator, Negotiated};
pub use settings::{Settings, server_properties};
