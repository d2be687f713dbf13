//! The command line tools, against an API with canned answers (what RabbitMQ 3.10.8's tools print for
//! the same things is written down here word for word) and against a real broker.

mod after_merge;
mod canned;
mod failing;
mod live;
mod log;
mod top;
