//! The form of RabbitMQ's configuration file: one `key = value` on a line.
//!
//! `#` starts a comment, also behind a value; a value that holds a `#` stands in single quotes. Double
//! quotes are part of the value. (rabbitmq: configure.md and the grammar of cuttlefish.)

/// A setting and the line it stands on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// The dotted name; a dot that belongs to a part is written `\.` and kept so.
    pub key: String,
    /// The value without quotes.
    pub value: String,
}

/// A line that is no setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Takes a text apart into settings, in the order of the lines.
///
/// # Errors
/// [`FileError`] for the first line that is neither a setting, nor a comment, nor empty.
pub fn parse(text: &str) -> Result<Vec<Line>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match setting(line) {
            Ok((key, value)) => lines.push(Line { number, key, value }),
            Err(reason) => return Err(FileError { line: number, reason }),
        }
    }
    Ok(lines)
}

fn setting(line: &str) -> Result<(String, String), String> {
    if line.starts_with(['[', '{', '%']) {
        return Err("expected 'key = value'; Erlang terms are not read".to_owned());
    }
    // An include is a line of its own kind; it is handed on as a key, for whoever knows what to say.
    if let Some(path) = line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
        let path = path.trim_start();
        if !path.starts_with('=') {
            return Ok(("include".to_owned(), value(path)?));
        }
    }
    let Some((key, rest)) = line.split_once('=') else {
        return Err(format!("expected 'key = value', found '{}'", excerpt(line)));
    };
    let key = key.trim_end();
    if !is_key(key) {
        return Err(format!(
            "expected a key of letters, digits, '_', '-' and dots, found '{}'",
            excerpt(key)
        ));
    }
    let value = value(rest.trim_start())?;
    Ok((key.to_owned(), value))
}

/// Parts of letters, digits, `_`, `-` and `\.`, with dots between them.
fn is_key(key: &str) -> bool {
    let key = key.replace("\\.", "_");
    key.split('.').all(|part| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    })
}

fn value(text: &str) -> Result<String, String> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let Some((value, rest)) = quoted.split_once('\'') else {
            return Err("the closing quote of the value is missing".to_owned());
        };
        let rest = rest.trim_start();
        return if rest.is_empty() || rest.starts_with('#') {
            Ok(value.to_owned())
        } else {
            Err(format!("expected the end of the line after the quoted value, found '{}'", {
                excerpt(rest)
            }))
        };
    }
    let value = text.split('#').next().unwrap_or_default().trim_end();
    if value.is_empty() {
        return Err("expected a value after '=' (an empty one is written '')".to_owned());
    }
    Ok(value.to_owned())
}

/// The beginning of a text, short enough for an error.
fn excerpt(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

const EXCERPT_CHARACTERS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> (String, String) {
        let lines = parse(line).expect("a good line");
        assert_eq!(lines.len(), 1, "{lines:?}");
        (lines[0].key.clone(), lines[0].value.clone())
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err("a bad line").reason
    }

    #[test]
    fn settings_comments_and_empty_lines_are_told_apart() {
        let text = "\u{feff}# first\r\nheartbeat = 30\r\n\n  \t\n  log.console.level=debug # why\n";
        let line = |number, key: &str, value: &str| Line {
            number,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(
            parse(text),
            Ok(vec![line(2, "heartbeat", "30"), line(5, "log.console.level", "debug")])
        );
    }

    #[test]
    fn a_hash_ends_a_plain_value_and_not_a_quoted_one() {
        assert_eq!(one("default_pass = se#cret").1, "se");
        assert_eq!(one("default_pass = 'se#cret' # in quotes").1, "se#cret");
        assert_eq!(one("default_pass = ''").1, "");
        assert_eq!(one("default_pass = ' a '").1, " a ");
    }

    #[test]
    fn other_characters_belong_to_the_value() {
        assert_eq!(one("default_pass = a=b c").1, "a=b c");
        assert_eq!(one("cluster_name = \"x\"").1, "\"x\"");
        assert_eq!(one(r"loopback_users.a\.b = true").0, r"loopback_users.a\.b");
    }

    #[test]
    fn an_include_is_handed_on() {
        let include = ("include".to_owned(), "conf.d/*.conf".to_owned());
        assert_eq!(one("include conf.d/*.conf # more"), include);
        assert_eq!(one("include = conf.d/*.conf"), include);
        assert!(refused("includes conf.d/*.conf").contains("expected 'key = value'"));
    }

    #[test]
    fn a_line_that_is_no_setting_is_refused_with_its_number() {
        let error = parse("heartbeat = 1\n\nheartbeat 1\n").expect_err("no equals sign");
        assert_eq!(error.line, 3);
        assert_eq!(error.reason, "expected 'key = value', found 'heartbeat 1'");
        assert!(refused("heart beat = 1").contains("expected a key"));
        assert!(refused(".heartbeat = 1").contains("expected a key"));
        assert!(refused("heartbeat =   # none").contains("expected a value"));
        assert!(refused("default_pass = 'abc").contains("closing quote"));
        assert!(refused("default_pass = 'a'b'").contains("end of the line"));
        assert!(refused("[{rabbit, []}].").contains("Erlang terms"));
    }
}
