//! Where a client connects, as one text.

/// `amqp://user:password@authority/vhost`, with everything escaped that would mean something there.
#[must_use]
pub fn amqp_uri(user: &str, password: &str, authority: &str, vhost: &str) -> String {
    uri("amqp", user, password, authority, vhost)
}

/// The same where TLS is spoken: `amqps://…`.
#[must_use]
pub fn amqps_uri(user: &str, password: &str, authority: &str, vhost: &str) -> String {
    uri("amqps", user, password, authority, vhost)
}

fn uri(scheme: &str, user: &str, password: &str, authority: &str, vhost: &str) -> String {
    let [user, password, vhost] = [user, password, vhost].map(escaped);
    format!("{scheme}://{user}:{password}@{authority}/{vhost}")
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
        assert_eq!(amqps_uri("u", "p", "h:1", "/"), "amqps://u:p@h:1/%2f");
        let uri = amqp_uri("a-b_c.d~1", "p@ss:ü", "127.0.0.1:5", "/");
        assert_eq!(uri, "amqp://a-b_c.d~1:p%40ss%3a%c3%bc@127.0.0.1:5/%2f");
    }
}
