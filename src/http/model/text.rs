//! Bytes that should be text, in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of a line of base64.
const LINE: usize = 76;

/// The bytes as text. What is no UTF-8 is shown as RabbitMQ shows it: a sentence, and the bytes in lines of
/// base64 (rabbitmq: `rabbit_misc:amqp_value`). There is no way back from it.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let encoded = STANDARD.encode(bytes);
    let mut out = "Not UTF-8, base64 is: ".to_owned();
    for (place, character) in encoded.chars().enumerate() {
        out.push(character);
        if (place + 1) % LINE == 0 {
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_in_base64() {
        assert_eq!(text("订单".as_bytes()), "订单");
        assert_eq!(text(b"\xff"), "Not UTF-8, base64 is: /w==");
        let long = text(&[0xff; 60]);
        let lines: Vec<&str> = long.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), "Not UTF-8, base64 is: ".len() + LINE);
        assert_eq!(lines[1].len(), 4);
    }
}
