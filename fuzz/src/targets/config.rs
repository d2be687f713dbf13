//! The configuration file: lines, and what the settings make of them.

use haremq::config::{load_given, parse};

/// The input is a file.
pub(super) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let parsed = parse(text);
    let returned = text.replace("\r\n", "\n").replace('\n', "\r\n");
    assert_eq!(parse(&returned), parsed, "the ends of lines do not matter");
    let lines = match parsed {
        Ok(lines) => lines,
        Err(error) => {
            let good: Vec<&str> = text.lines().take(error.line - 1).collect();
            assert!(parse(&good.join("\n")).is_ok(), "it is the first line that is wrong");
            return;
        }
    };
    assert!(lines.windows(2).all(|pair| pair[0].number < pair[1].number));
    let plain =
        |value: &str| !value.is_empty() && !value.contains(['\'', '#']) && value.trim() == value;
    let kept: Vec<_> =
        lines.iter().filter(|line| line.key != "include" && plain(&line.value)).collect();
    let written: Vec<String> =
        kept.iter().map(|line| format!("{} = '{}' # a remark", line.key, line.value)).collect();
    let written = written.join("\n");
    let again = parse(&written).expect("what was read can be written");
    let pairs = |line: &haremq::config::Line| (line.key.clone(), line.value.clone());
    let given: Vec<(String, String)> = kept.iter().map(|line| pairs(line)).collect();
    assert_eq!(again.iter().map(pairs).collect::<Vec<_>>(), given);
    settings(&given);
}

fn settings(given: &[(String, String)]) {
    let loaded = match load_given(given, &[]) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(!error.to_string().trim().is_empty());
            return;
        }
    };
    // The last value of a key is in force, and the same input gives the same settings.
    let again = load_given(given, &[]).expect("as before");
    assert_eq!(again.values, loaded.values);
    assert_eq!(again.warnings, loaded.warnings);
    for warning in &loaded.warnings {
        assert!(!warning.to_string().is_empty());
    }
}
