//! Where a client connects, as one text.

/// `amqp://user:password@authority/vhost`, with everything escaped that would mean something there.
#[must_use]
pub fn amqp_uri(user: &str, password: &str, authority: &str, vhost: &str) -> String {
    let [user, password, vhost] = [user, password, vhost].map(escaped);
    format!("amqp://{user}:{password}@{authority}/{vhost}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                out.extend(char::from_digit(digit.into(), 16));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_a_uri_without_meaning_anything_there() {
        let uri = amqp_uri("a-b_c.d~1", "p@ss:ü", "127.0.0.1:5", "/");
        assert_eq!(uri, "amqp://a-b_c.d~1:p%40ss%3a%c3%bc@127.0.0.1:5/%2f");
    }
}
