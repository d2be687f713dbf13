//! `haremq definitions check`: a file of definitions, read as an import reads it.

use std::io::{self, Write};

use serde_json::json;

use crate::config::DefinitionsCommand;
use crate::definitions::{LoadError, check_file};

/// Something in the file is wrong (`EX_DATAERR`).
const EXIT_BAD_DATA: u8 = 65;

/// The file cannot be read (`EX_NOINPUT`).
const EXIT_NO_INPUT: u8 = 66;

/// Runs the command on the standard streams of the process; returns the exit code.
#[must_use]
pub fn run_definitions_on_terminal(command: &DefinitionsCommand) -> u8 {
    run_definitions(command, &mut io::stdout().lock(), &mut io::stderr())
}

/// Runs the command; returns the exit code.
#[must_use]
pub fn run_definitions(
    command: &DefinitionsCommand,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> u8 {
    let DefinitionsCommand::Check { file, json } = command;
    let checked = check_file(file);
    let (text, code) = match &checked {
        Ok(plan) if *json => (json!({ "good": true, "plan": plan.to_json() }).to_string(), 0),
        Ok(plan) => (plan.to_string(), 0),
        Err(error) => {
            let code = match error {
                LoadError::Read { .. } => EXIT_NO_INPUT,
                LoadError::Import { .. } => EXIT_BAD_DATA,
            };
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(errors, "haremq: {error}");
            let text = if *json {
                json!({ "good": false, "error": error.to_string() }).to_string()
            } else {
                String::new()
            };
            (text, code)
        }
    };
    if text.is_empty() {
        return code;
    }
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => code,
        // Whoever reads the answer has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;

    fn ask(text: &str, json: bool) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder for tests");
        let file = folder.path().join("definitions.json");
        fs::write(&file, text).expect("written");
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let command = DefinitionsCommand::Check { file, json };
        let code = run_definitions(&command, &mut output, &mut errors);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (code, text(output), text(errors))
    }

    const GOOD: &str = r#"{"queues": [{"vhost": "/", "name": "q"}]}"#;
    const BAD: &str = r#"{"queues": [{"vhost": "/", "name": 1}]}"#;

    #[test]
    fn a_good_file_is_shown_as_what_an_empty_broker_would_make_of_it() {
        let expected = "+ queue  q  in /\n1 to add, 0 to change, 0 to delete, 0 kept, 0 the same\n";
        assert_eq!(ask(GOOD, false), (0, expected.to_owned(), String::new()));
        let (code, output, _) = ask(GOOD, true);
        let output: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!((code, &output["plan"]["counts"]["add"]), (0, &serde_json::json!(1)));
    }

    #[test]
    fn a_bad_file_is_named_with_its_place_and_code_65() {
        let (code, output, errors) = ask(BAD, false);
        assert_eq!((code, output.as_str()), (65, ""));
        assert!(errors.contains("definitions.json cannot be loaded: queues[0].name: "), "{errors}");
        let (code, output, _) = ask(BAD, true);
        assert!(code == 65 && output.starts_with(r#"{"error":"#), "{output}");
    }

    #[test]
    fn a_file_that_is_not_there_is_code_66() {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let command = DefinitionsCommand::Check { file: "no such file".into(), json: false };
        assert_eq!(run_definitions(&command, &mut output, &mut errors), 66);
        assert!(!errors.is_empty() && output.is_empty());
    }
}
