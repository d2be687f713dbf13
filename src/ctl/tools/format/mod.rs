//! Answers in the forms of `rabbitmqctl`: tables with tabs, JSON, CSV, drawn tables, Erlang's terms.

mod cell;
mod erlang;
mod form;
mod json;
mod pretty;
mod write;

pub(super) use form::Form;
pub(super) use write::write_answer;
