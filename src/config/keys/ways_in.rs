//! Ways in beside plain TCP: behind a proxy, through a Unix socket.

use super::super::value;
use super::expects::{FILE, SWITCH, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "proxy_protocol",
        Some("false"),
        SWITCH,
        [
            "proxy_protocol = true",
            "Every TCP connection begins with a PROXY protocol header (version 1 or 2).",
        ],
        |draft, given| {
            draft.transport.plain.proxy_protocol = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.unix_socket",
        None,
        FILE,
        [
            "haremq.unix_socket = /run/haremq/amqp.sock",
            "A Unix socket on which AMQP is spoken as well.",
        ],
        |draft, given| {
            draft.transport.plain.unix_socket = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.unix_socket_mode",
        Some("0600"),
        "the rights of a file as three or four octal digits, such as 0660",
        ["haremq.unix_socket_mode = 0660", "Who may open that socket."],
        |draft, given| {
            draft.transport.plain.unix_socket_mode = mode(given.value)?;
            Some(())
        },
    ),
];

/// Octal digits, as for `chmod`; what is beyond the rights of owner, group and others means nothing here.
fn mode(text: &str) -> Option<u32> {
    let octal = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(text, 8).ok()?;
    (octal && (3..=4).contains(&text.len()) && mode <= 0o777).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_octal_digits() {
        assert_eq!((mode("0600"), mode("660")), (Some(0o600), Some(0o660)));
        for text in ["", "6", "0x1ff", "0680", "1777", "00600", "+600", "rw"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }
}
