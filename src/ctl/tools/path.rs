//! Paths of the API from names that may hold anything.

/// `/api/queues/%2F/a%20queue`
pub(crate) fn path(segments: &[&str]) -> String {
    segments.iter().fold("/api".to_owned(), |mut path, segment| {
        path.push('/');
        path.push_str(&encoded(segment));
        path
    })
}

/// Everything but what never needs it.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut done, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            done.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(done, "%{byte:02X}");
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_segment() {
        assert_eq!(path(&["queues", "/", "a b/ü%"]), "/api/queues/%2F/a%20b%2F%C3%BC%25");
        assert_eq!(path(&["exchanges", "/", ""]), "/api/exchanges/%2F/");
    }
}
