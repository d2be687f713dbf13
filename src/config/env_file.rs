//! RabbitMQ's file of environment variables: lines `NAME=value` of a shell script, where the prefix
//! `RABBITMQ_` may be left out (rabbitmq: configure.md, rabbitmq-env.conf).

/// A variable of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Assigned {
    /// The line, from 1.
    pub line: usize,
    /// With its prefix.
    pub name: String,
    pub value: String,
}

/// What the file says, and the lines that are more than an assignment, with the reason.
pub(super) fn parse(text: &str) -> (Vec<Assigned>, Vec<(usize, String)>) {
    let (mut assigned, mut passed_over) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match assignment(line) {
            Ok((name, value)) => assigned.push(Assigned { line: number, name, value }),
            Err(reason) => passed_over.push((number, reason.to_owned())),
        }
    }
    (assigned, passed_over)
}

fn assignment(line: &str) -> Result<(String, String), &'static str> {
    let (name, rest) = line.split_once('=').ok_or(NO_ASSIGNMENT)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(word) {
        return Err(NO_ASSIGNMENT);
    }
    let value = value(rest)?;
    let whole = name.starts_with("RABBITMQ_") || name.starts_with("HAREMQ_");
    let name = if whole { name.to_owned() } else { format!("RABBITMQ_{name}") };
    Ok((name, value))
}

/// One word of a shell, with its quotes taken away.
fn value(text: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut quote: Option<char> = None;
    for (index, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None | Some('"'), '$' | '`' | '\\') => {
                return Err("it asks for what a shell does: write the value itself");
            }
            (None, _) if letter.is_whitespace() => {
                let rest = text[index..].trim_start();
                return if rest.is_empty() || rest.starts_with('#') {
                    Ok(value)
                } else {
                    Err(NO_ASSIGNMENT)
                };
            }
            _ => value.push(letter),
        }
    }
    if quote.is_some() { Err("the closing quote is missing") } else { Ok(value) }
}

const NO_ASSIGNMENT: &str = "expected NAME=value; other lines of a shell are not run";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_a_shell_reads_them() {
        let text = "# a comment\n\nNODENAME=rabbit@one\nexport RABBITMQ_NODE_PORT=5673 # why\n\
                    HAREMQ_CLUSTER_NAME='a b' \nLOGS=\"-\"\nMNESIA_BASE=/a\"/b c\"\nPID_FILE=\n";
        let (assigned, passed_over) = parse(text);
        let found: Vec<_> = assigned.iter().map(|a| (a.line, &*a.name, &*a.value)).collect();
        assert_eq!(
            found,
            [
                (3, "RABBITMQ_NODENAME", "rabbit@one"),
                (4, "RABBITMQ_NODE_PORT", "5673"),
                (5, "HAREMQ_CLUSTER_NAME", "a b"),
                (6, "RABBITMQ_LOGS", "-"),
                (7, "RABBITMQ_MNESIA_BASE", "/a/b c"),
                (8, "RABBITMQ_PID_FILE", ""),
            ]
        );
        assert_eq!(passed_over, []);
    }

    #[test]
    fn what_only_a_shell_could_do_is_passed_over_with_its_line() {
        let text =
            "if [ -f x ]; then\nNODENAME=$(hostname)\nNODENAME=\"$HOST\"\nA='$B'\nC='x\nD=1 E=2\n";
        let (assigned, passed_over) = parse(text);
        assert_eq!(assigned.len(), 1, "only the quoted dollar: {assigned:?}");
        let lines: Vec<usize> = passed_over.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 5, 6]);
    }
}
