//! The command line tools, against an API with canned answers (what RabbitMQ 3.10.8's tools print for
//! the same things is written down here word for word) and against a real broker. `after_merge.rs` joins
//! them (`mod after_merge;`) when the API has queues, definitions and what `docs/http-api-ctl.md` asks for.

mod canned;
mod failing;
mod live;
