//! One connection's protocol machine, without a socket: bytes and answers go in, bytes and
//! [`Action`]s come out.

mod action;

pub use action::{
    Action, Answer, Ask, Credentials, Delivery, Got, Outcome, Publish, Refusal, Request, Secret,
    Settle,
};
