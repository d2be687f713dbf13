//! Runs a command line tool in this process.

use std::ffi::OsString;
use std::path::Path;

use haremq::ctl::{Streams, run_tool};

/// What a tool said and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub code: u8,
    pub output: String,
    pub errors: String,
}

/// Runs a line against the broker of a data folder; `input` is standard input.
pub(crate) fn tool_with_input(folder: &Path, input: &str, line: &[&str]) -> Said {
    let environment: Vec<(OsString, OsString)> = vec![
        ("HAREMQ_DATA_DIR".into(), folder.as_os_str().to_owned()),
        ("RABBITMQ_NODENAME".into(), "rabbit@box".into()),
    ];
    let words: Vec<OsString> = line.iter().map(OsString::from).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut input.as_bytes(), output: &mut output, errors: &mut errors };
    let code = run_tool(&words, &environment, &mut streams).expect("the name of a tool");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code, output: text(output), errors: text(errors) }
}

/// [`tool_with_input`] without input.
pub(crate) fn tool(folder: &Path, line: &[&str]) -> Said {
    tool_with_input(folder, "", line)
}
