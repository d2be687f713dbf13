//! Listeners without TLS and the sockets behind them.

use super::super::draft::DEFAULT_LISTENER;
use super::super::value;
use super::expects::SWITCH;
use super::key::{Key, key};

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or an address and a port such as \
                    127.0.0.1:5672 or [::1]:5672";

pub(super) const KEYS: &[Key] = &[
    key(
        "listeners.tcp.default",
        Some("5672"),
        PORT,
        ["listeners.tcp.default = 127.0.0.1:5672", "Where AMQP is spoken without TLS."],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.listeners.set(DEFAULT_LISTENER, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.tcp.*",
        None,
        PORT,
        [
            "listeners.tcp.lan = 192.168.1.10:5672",
            "A listener of any name; the built-in default gives way to it.",
        ],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.listeners.set(given.part, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.tcp",
        None,
        "none",
        ["listeners.tcp = none", "No listener at all without TLS."],
        |draft, given| (given.value == "none").then(|| draft.listeners.set_none(given.rank)),
    ),
    key(
        "tcp_listen_options.backlog",
        Some("1024"),
        "a number from 1 to 65535",
        [
            "tcp_listen_options.backlog = 4096",
            "Connections that the system holds until they are accepted.",
        ],
        |draft, given| {
            let backlog = value::number::<u16>(given.value).filter(|backlog| *backlog > 0)?;
            draft.plain.tcp_backlog = u32::from(backlog);
            Some(())
        },
    ),
    key(
        "tcp_listen_options.nodelay",
        Some("true"),
        SWITCH,
        ["tcp_listen_options.nodelay = false", "Small writes go out at once (TCP_NODELAY)."],
        |draft, given| {
            draft.plain.tcp_nodelay = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "tcp_listen_options.keepalive",
        Some("false"),
        SWITCH,
        [
            "tcp_listen_options.keepalive = true",
            "The system asks silent peers whether they are still there (SO_KEEPALIVE).",
        ],
        |draft, given| {
            draft.plain.tcp_keepalive = value::switch(given.value)?;
            Some(())
        },
    ),
];
