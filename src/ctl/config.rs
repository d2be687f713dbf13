//! `haremq config`: the settings and where they come from.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};

use crate::config::{Arguments, ConfigCommand, EffectiveValue, Key, Loaded, Source, load_for};

/// Runs a command on the standard streams of the process; returns the exit code.
#[must_use]
pub fn run_config_on_terminal(
    command: &ConfigCommand,
    environment: Vec<(OsString, OsString)>,
) -> u8 {
    let arguments = match command {
        ConfigCommand::Show { serve, .. } => serve.clone(),
        ConfigCommand::Check { file } => {
            Arguments { config: Some(file.clone()), ..Arguments::default() }
        }
    };
    let loaded = match load_for(&arguments, environment) {
        Ok(loaded) => loaded,
        Err(error) => return error.report(),
    };
    for warning in &loaded.warnings {
        // A closed standard error is no reason to do anything else.
        let _ = writeln!(io::stderr(), "haremq: warning: {warning}");
    }
    let mut output = BufWriter::new(io::stdout().lock());
    let written = match command {
        ConfigCommand::Show { effective, json: true, .. } => {
            show_json(&loaded, *effective, &mut output)
        }
        ConfigCommand::Show { effective, json: false, .. } => {
            show_table(&loaded, *effective, &mut output)
        }
        ConfigCommand::Check { file } => check(&loaded, file, &mut output),
    };
    match written.and_then(|()| output.flush()) {
        Ok(()) => 0,
        // Whoever reads the answer has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "haremq: {error}");
            1
        }
    }
}

/// The keys to show, by name.
fn shown(loaded: &Loaded, effective: bool) -> impl Iterator<Item = (&str, &EffectiveValue)> {
    let values = loaded.values.iter();
    values
        .filter(move |(_, value)| effective || value.source != Source::Default)
        .map(|(key, value)| (key.as_str(), value))
}

fn show_table(loaded: &Loaded, effective: bool, output: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<_> = shown(loaded, effective)
        .map(|(key, found)| (key, quoted(&found.value), found.source.to_string()))
        .collect();
    let width = |of: &dyn Fn(&(&str, String, String)) -> usize, head: &str| {
        rows.iter().map(of).max().unwrap_or_default().max(head.len())
    };
    let key = width(&|(key, _, _)| key.chars().count(), "KEY");
    let value = width(&|(_, value, _)| value.chars().count(), "VALUE");
    writeln!(output, "{:key$}  {:value$}  SOURCE", "KEY", "VALUE")?;
    for (name, shown, source) in &rows {
        writeln!(output, "{name:key$}  {shown:value$}  {source}")?;
    }
    Ok(())
}

/// As it would stand in a file.
fn quoted(value: &str) -> String {
    let plain = !value.is_empty() && !value.contains('#') && value.trim() == value;
    if plain { value.to_owned() } else { format!("'{value}'") }
}

fn show_json(loaded: &Loaded, effective: bool, output: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<_> = shown(loaded, effective)
        .map(|(key, found)| {
            let (kind, place, line) = match &found.source {
                Source::Default => ("default", None, None),
                Source::File { path, line } => {
                    ("file", Some(path.display().to_string()), Some(*line))
                }
                Source::Environment(variable) => ("environment", Some(variable.clone()), None),
                Source::Flag(flag) => ("flag", Some((*flag).to_owned()), None),
                Source::Program => ("program", None, None),
                Source::Request => ("request", None, None),
            };
            serde_json::json!({
                "key": key,
                "value": found.value,
                "source": { "kind": kind, "place": place, "line": line },
                "default": Key::find(key).and_then(|(key, _)| if key.secret { None } else { key.default }),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *output, &entries).map_err(io::Error::from)?;
    writeln!(output)
}

fn check(loaded: &Loaded, file: &str, output: &mut dyn Write) -> io::Result<()> {
    let set = loaded.values.values();
    let keys = set.filter(|value| matches!(value.source, Source::File { .. })).count();
    let warnings = loaded.warnings.len();
    writeln!(output, "{file}: {keys} settings, {warnings} warnings: the broker starts with it")
}
