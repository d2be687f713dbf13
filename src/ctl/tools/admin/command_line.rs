//! The words behind `rabbitmqadmin`.

use std::collections::BTreeMap;

use crate::ctl::tools::path::encoded;

/// What the words come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Line {
    /// Options by their long names; a switch has an empty value.
    pub(super) options: BTreeMap<&'static str, String>,
    /// What stands beside the options, in its order.
    pub(super) words: Vec<String>,
}

/// Long name, short name, whether a value follows. What is taken and not used stands there too.
const OPTIONS: &[(&str, char, bool)] = &[
    ("host", 'H', true),
    ("port", 'P', true),
    ("path-prefix", '\0', true),
    ("vhost", 'V', true),
    ("username", 'u', true),
    ("password", 'p', true),
    ("base-uri", 'U', true),
    ("quiet", 'q', false),
    ("ssl", 's', false),
    ("ssl-ca-cert-file", '\0', true),
    ("ssl-cert-file", '\0', true),
    ("ssl-key-file", '\0', true),
    ("ssl-insecure", 'k', false),
    ("ssl-disable-hostname-verification", '\0', false),
    ("request-timeout", 't', true),
    ("format", 'f', true),
    ("sort", 'S', true),
    ("sort-reverse", 'R', false),
    ("depth", 'd', true),
    ("config", 'c', true),
    ("node", 'N', true),
    ("help", 'h', false),
    ("version", '\0', false),
];

impl Line {
    /// # Errors
    /// With what is wrong.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut line = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let is_named = |(long, short, _): &&(&str, char, bool)| {
                name.strip_prefix("--") == Some(*long)
                    || name.strip_prefix('-').is_some_and(|found| found.chars().eq([*short]))
            };
            if !word.starts_with('-') || word == "-" {
                line.words.push(word.clone());
                continue;
            }
            let Some((long, _, has_value)) = OPTIONS.iter().find(is_named) else {
                return Err(format!("no such option: {name}"));
            };
            let value = match (has_value, joined) {
                (false, _) => String::new(),
                (true, Some(value)) => value,
                (true, None) => match rest.next() {
                    Some(value) => value.clone(),
                    None => return Err(format!("{name} option requires 1 argument")),
                },
            };
            line.options.insert(long, value);
        }
        Ok(line)
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// Where the options say that the broker is; `None` when they say nothing of it: then it is found as by the
    /// other tools.
    pub(super) fn url(&self) -> Option<String> {
        if let Some(url) = self.option("base-uri") {
            return Some(url.to_owned());
        }
        let names = ["host", "port", "username", "password", "ssl", "path-prefix"];
        if !names.iter().any(|name| self.has(name)) {
            return None;
        }
        let scheme = if self.has("ssl") { "https" } else { "http" };
        let or = |name: &str, default: &str| self.option(name).unwrap_or(default).to_owned();
        let login =
            format!("{}:{}", encoded(&or("username", "guest")), encoded(&or("password", "guest")));
        let port = or("port", if self.has("ssl") { "15671" } else { "15672" });
        Some(format!(
            "{scheme}://{login}@{}:{port}{}",
            or("host", "localhost"),
            or("path-prefix", "")
        ))
    }
}

/// The words `key=value`.
///
/// # Errors
/// With the word that is none.
pub(super) fn pairs(words: &[String]) -> Result<BTreeMap<&str, &str>, String> {
    let pair = |word: &'_ String| -> Result<(usize, usize), String> {
        let at = word.find('=');
        at.map(|at| (at, at + 1))
            .ok_or_else(|| format!("argument \"{word}\" must be in the format name=value"))
    };
    words.iter().map(|word| pair(word).map(|(end, begin)| (&word[..end], &word[begin..]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        Line::parse(&words).unwrap_or_else(|reason| panic!("{text}: {reason}"))
    }

    #[test]
    fn options_may_stand_anywhere_and_words_keep_their_order() {
        let found = line("-u app --password=a@b declare queue -V shop name=q durable=false");
        assert_eq!(found.words, ["declare", "queue", "name=q", "durable=false"]);
        assert_eq!(found.option("vhost"), Some("shop"));
        assert_eq!(found.url().as_deref(), Some("http://app:a%40b@localhost:15672"));
        assert_eq!(line("list queues -q").url(), None);
        let tls = line("-s -H box list queues").url();
        assert_eq!(tls.as_deref(), Some("https://guest:guest@box:15671"));
        assert_eq!(pairs(&found.words[2..]), Ok([("durable", "false"), ("name", "q")].into()));
        assert!(pairs(&found.words).is_err_and(|reason| reason.contains("\"declare\"")));
        for wrong in ["--what", "-u"] {
            assert!(Line::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
