//! The good key that an unknown one was probably meant to be.

/// The candidate with the fewest single-letter changes from `name`, when there are few enough of them
/// for it to be a slip: one in every three letters.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let changes_max = name.chars().count() / 3;
    candidates
        .into_iter()
        .map(|candidate| (changes(name, candidate), candidate))
        .filter(|(changes, _)| *changes <= changes_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove or replace to make one text from the other (Levenshtein).
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // A key of a file may be any length; beyond this it is no slip of anything.
    for (index, letter) in from.chars().take(LETTERS_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()] + from.chars().count().saturating_sub(LETTERS_MAX)
}

const LETTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let keys = ["heartbeat", "frame_max", "channel_max", "log.console.level"];
        assert_eq!(nearest("heartbaet", keys), Some("heartbeat"));
        assert_eq!(nearest("chanel_max", keys), Some("channel_max"));
        assert_eq!(nearest("log.console_level", keys), Some("log.console.level"));
        assert_eq!(nearest("something_else", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys), None);
    }

    #[test]
    fn changes_count_letters() {
        assert_eq!(changes("kitten", "sitting"), 3);
        assert_eq!(changes("", "abc"), 3);
        assert_eq!(changes("abc", ""), 3);
        assert_eq!(changes("same", "same"), 0);
    }
}
