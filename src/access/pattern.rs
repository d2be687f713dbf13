//! A pattern over names, with RabbitMQ's meaning: a regular expression that may match anywhere in the
//! name, where the empty pattern matches nothing.
//!
//! RabbitMQ's engine (PCRE) knows look-around, which an engine of linear run time does not. The one
//! form that people use, `^(?!amq\.).*`, is taken apart into a pattern that must match and patterns
//! that must not; every other look-around is refused with its reason, so that a user never has more
//! rights than were written down.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// A compiled pattern. A copy is cheap.
#[derive(Clone)]
pub struct Pattern {
    text: Arc<str>,
    rule: Rule,
}

/// Why a text is no pattern.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternError {
    /// More text than any list of names needs.
    #[error("a pattern may have {PATTERN_BYTES_MAX} bytes, and this one has {0}")]
    TooLong(usize),
    /// It would take too much memory, as nested repetitions do.
    #[error("the pattern '{0}' would take too much memory when compiled")]
    TooLarge(String),
    /// Not a regular expression, or one with look-around in a place where it is not supported.
    #[error("'{pattern}' is not a usable regular expression: {reason}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Clone)]
enum Rule {
    Nothing,
    Everything,
    Matches(Regex),
    /// `^(?!a)(?=b)c`: guards at the start of the name, then the rest.
    Guarded(Arc<Guarded>),
}

struct Guarded {
    guards: Vec<(Guard, Regex)>,
    rest: Regex,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Guard {
    Must,
    MustNot,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`PatternError`] when it is too long, too large, or no regular expression.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong(text.len()));
        }
        let rule = match text {
            "" | "^$" => Rule::Nothing,
            ".*" => Rule::Everything,
            _ if text.starts_with("^(?!") || text.starts_with("^(?=") => guarded(text)?,
            _ => Rule::Matches(compile(text, text)?),
        };
        Ok(Self { text: Arc::from(text), rule })
    }

    /// `.*`.
    #[must_use]
    pub fn everything() -> Self {
        Self { text: Arc::from(".*"), rule: Rule::Everything }
    }

    /// Whether the name matches. Takes time in proportion to the length of the name, whatever the
    /// pattern is.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.rule {
            Rule::Nothing => false,
            Rule::Everything => true,
            Rule::Matches(regex) => regex.is_match(name),
            Rule::Guarded(guarded) => {
                guarded.guards.iter().all(|(guard, regex)| {
                    let wanted = *guard == Guard::Must;
                    regex.is_match(name) == wanted
                }) && guarded.rest.is_match(name)
            }
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// Compiles one part of a pattern; errors name the whole.
fn compile(part: &str, pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(&literal_braces(part))
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge(pattern.to_owned()),
            other => malformed(pattern, &last_line(&other.to_string())),
        })
}

/// Escapes the braces that are no repetition, as in `^{client_id}-`: PCRE takes them literally, and this
/// engine refuses them.
fn literal_braces(part: &str) -> Cow<'_, str> {
    if !part.contains('{') {
        return Cow::Borrowed(part);
    }
    let mut out = String::with_capacity(part.len() + 2);
    let mut class = Class::default();
    let mut characters = part.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                out.push(character);
                // `\x{41}` and `\p{Greek}` have braces of their own.
                let behind = &part[at + 1..];
                let named =
                    behind.starts_with(['x', 'u', 'U', 'p', 'P']) && behind.get(1..2) == Some("{");
                out.extend(characters.by_ref().take(if named { 2 } else { 1 }).map(|(_, c)| c));
                continue;
            }
            '{' if !class.is_open() && !is_repetition(&part[at + 1..]) => out.push('\\'),
            _ => {}
        }
        class.look(part, at, character);
        out.push(character);
    }
    Cow::Owned(out)
}

/// Whether what stands behind a `{` makes it `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(behind: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((inside, _)) = behind.split_once('}') else { return false };
    match inside.split_once(',') {
        None => is_number(inside),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    }
}

/// Whether a place in a pattern is within `[…]`.
#[derive(Default)]
struct Class {
    start: Option<usize>,
}

impl Class {
    fn is_open(&self) -> bool {
        self.start.is_some()
    }

    /// Goes past a character that no backslash stands before.
    fn look(&mut self, text: &str, at: usize, character: char) {
        match (character, self.start) {
            // A bracket that comes first in a class is a member of it: `[]a]`, `[^]a]`.
            (']', Some(start)) => {
                let before: &str = &text[start..at];
                if !before.is_empty() && before != "^" {
                    self.start = None;
                }
            }
            ('[', None) => self.start = Some(at + 1),
            (_, Some(_) | None) => {}
        }
    }
}

/// The engine draws the pattern with a caret below it; the last line holds the reason.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn malformed(pattern: &str, reason: &str) -> PatternError {
    PatternError::Malformed { pattern: pattern.to_owned(), reason: reason.to_owned() }
}

/// Takes the look-aheads off the front of a pattern that starts with `^(?!` or `^(?=`.
fn guarded(pattern: &str) -> Result<Rule, PatternError> {
    let mut guards = Vec::new();
    let mut rest = &pattern[1..];
    loop {
        let guard = match rest.get(..3) {
            Some("(?!") => Guard::MustNot,
            Some("(?=") => Guard::Must,
            _ => break,
        };
        let group = Group::scan(&rest[3..]);
        let Some(end) = group.end else {
            return Err(malformed(pattern, "a look-ahead is not closed"));
        };
        let inner = &rest[3..3 + end];
        guards.push((guard, compile(&format!("^(?:{inner})"), pattern)?));
        rest = &rest[3 + end + 1..];
    }
    if rest.starts_with(['*', '+', '?', '{']) {
        return Err(malformed(pattern, "a look-ahead cannot be repeated"));
    }
    // In `^(?!a)b|c` the guard stands on `b` only; taken apart as below it would stand on `c` too.
    if Group::scan(rest).alternatives {
        return Err(malformed(pattern, "put '|' into a group when a look-ahead stands before it"));
    }
    let rest = compile(&format!("^{rest}"), pattern)?;
    Ok(Rule::Guarded(Arc::new(Guarded { guards, rest })))
}

/// What stands on the outer level of a piece of a pattern.
struct Group {
    /// Where the parenthesis is that closes the level.
    end: Option<usize>,
    /// Whether there is a `|` on the level itself.
    alternatives: bool,
}

impl Group {
    fn scan(text: &str) -> Self {
        let mut depth = 0_usize;
        let mut alternatives = false;
        let mut class = Class::default();
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            if character == '\\' {
                characters.next();
                continue;
            }
            if !class.is_open() {
                match character {
                    '(' => depth += 1,
                    ')' if depth == 0 => return Self { end: Some(at), alternatives },
                    ')' => depth -= 1,
                    '|' if depth == 0 => alternatives = true,
                    _ => {}
                }
            }
            class.look(text, at, character);
        }
        Self { end: None, alternatives }
    }
}

/// The longest pattern. Lists of names generated by tools reach a few hundred bytes.
const PATTERN_BYTES_MAX: usize = 4096;

/// Memory of one compiled pattern; `\w{1,255}` with its Unicode classes needs about this much.
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How deep groups may nest: the compiler recurses.
const NESTING_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("a good pattern")
    }

    #[test]
    fn the_empty_pattern_matches_nothing() {
        for text in ["", "^$"] {
            assert!(!pattern(text).matches("q"));
            assert!(!pattern(text).matches(""));
        }
    }

    #[test]
    fn a_pattern_matches_anywhere_unless_it_is_anchored() {
        assert!(pattern("order").matches("new-orders"));
        assert!(!pattern("^order").matches("new-orders"));
        assert!(!pattern("^order$").matches("orders"));
        assert!(pattern("^(a|b)\\..*$").matches("b.1"));
    }

    #[test]
    fn a_look_ahead_at_the_start_is_understood() {
        let others = pattern(r"^(?!amq\.).*");
        assert!(others.matches("orders") && others.matches("amqp"));
        assert!(!others.matches("amq.direct"));
        let two = pattern(r"^(?!amq\.)(?!(secret|in[)]ner)-).*-log$");
        assert!(two.matches("app-log") && !two.matches("secret-log") && !two.matches("app"));
        assert!(!two.matches("in)ner-log"));
        let must = pattern("^(?=.*log)app");
        assert!(must.matches("app-log") && !must.matches("app") && !must.matches("log-app"));
    }

    #[test]
    fn a_look_around_that_would_change_its_meaning_is_refused() {
        for text in
            ["(?!a)b", "^(?!a)b|c", "^a(?!b)", "^(?<!a)b", "^(?!a", "^(?!a)*b", "^(?!(?!a)b)c"]
        {
            let refused = Pattern::parse(text);
            assert!(matches!(refused, Err(PatternError::Malformed { .. })), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_brace_that_repeats_nothing_is_a_character() {
        assert!(pattern("^{client_id}-").matches("{client_id}-7"));
        assert!(!pattern("^{client_id}-").matches("c-7"));
        for (text, good, bad) in [
            ("^a{2}$", "aa", "a{2}"),
            ("^a{2,}$", "aaa", "a"),
            ("^a{1,2}$", "a", "aaa"),
            ("^a{,2}$", "a{,2}", "aa"),
            ("^[{]a{x}$", "{a{x}", "a{x}"),
            (r"^\x{41}\p{Lu}\{b}$", "AB{b}", "x"),
            ("^{$", "{", "a"),
            (r"^(?!{a})\w*{b}$", "c{b}", "{a}{b}"),
        ] {
            assert!(pattern(text).matches(good), "{text} {good}");
            assert!(!pattern(text).matches(bad), "{text} {bad}");
        }
    }

    #[test]
    fn a_pattern_that_would_eat_memory_is_refused() {
        let large = Pattern::parse(r"((\w{200}){200}){200}");
        assert!(matches!(large, Err(PatternError::TooLarge(_))), "{large:?}");
        let deep = "(".repeat(1000) + &")".repeat(1000);
        assert!(matches!(Pattern::parse(&deep), Err(PatternError::Malformed { .. })));
        assert_eq!(Pattern::parse(&"a".repeat(5000)), Err(PatternError::TooLong(5000)));
    }

    #[test]
    fn a_malformed_pattern_is_refused_in_one_line() {
        let error = Pattern::parse("a(b").expect_err("a group is open").to_string();
        assert_eq!(error, "'a(b' is not a usable regular expression: unclosed group");
    }
}
