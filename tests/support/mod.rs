//! What every end-to-end test stands on: a running broker, a client of raw bytes, and AMQP written
//! out by hand.
//!
//! Nothing here uses the codec of the crate: a test that builds and reads frames with the code it
//! tests would not notice when both are wrong in the same way.

mod broker;
mod bytes;
mod call;
mod fake_api;
mod http;
mod ids;
mod login;
pub(crate) mod methods;
mod names;
mod process;
mod raw_client;
mod refusal;
mod stream;
mod table;
mod tool;

pub(crate) use broker::{Broker, on_oracle, run_to_its_end};
pub(crate) use bytes::{Arguments, Frame, frame};
pub(crate) use call::Call;
pub(crate) use fake_api::{CUT, FakeApi};
pub(crate) use http::{Answer, Http};
pub(crate) use ids::{Id, id};
pub(crate) use login::{Login, Tune};
pub(crate) use names::unique;
pub(crate) use process::{GUARD, Process};
pub(crate) use raw_client::{Delivery, RawClient, content_header};
pub(crate) use refusal::{Refusal, refusal};
pub(crate) use stream::{ClientStream, with_guards};
pub(crate) use table::{Table, entries};
pub(crate) use tool::{tool, tool_with_input};
