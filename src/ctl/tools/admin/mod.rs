//! `rabbitmqadmin`: the commands of RabbitMQ's Python program of that name (3.x) that scripts and fixtures use, in
//! its words: `declare`, `delete`, `list`, `show`, `publish`, `get`, `purge`, `close`, `export`, `import`, with
//! `key=value` behind them (rabbitmq: management-cli.md). What it declares is a table (`objects`), the rest are
//! `actions`.

mod actions;
mod command_line;
mod objects;
mod run;
mod shown;

pub(super) use run::{called_by, man_page, run};
