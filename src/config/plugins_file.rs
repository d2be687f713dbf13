//! RabbitMQ's file of enabled plug-ins, a list of Erlang atoms: `[rabbitmq_management,rabbitmq_mqtt].` What is
//! built in is there without it, so it is read for one thing only: to say what somebody enabled there and
//! will not find here.

use std::fs;
use std::io;

use super::env::Environment;
use super::error::{ConfigError, Warning};
use super::source::Source;
use crate::base::plugins;

const ENABLED_PLUGINS_FILE: &str = "RABBITMQ_ENABLED_PLUGINS_FILE";

/// More than RabbitMQ has plug-ins; a file that is longer is none of hers.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What is to be said of the file, which nobody needs to have.
pub(super) fn warnings(environment: &Environment) -> Result<Vec<Warning>, ConfigError> {
    let (source, path) = match environment.named(ENABLED_PLUGINS_FILE)? {
        Some(named) => named,
        None => (Source::Default, environment.folder()?.join("enabled_plugins")),
    };
    let size = fs::metadata(&path).map(|file| file.len());
    let text = match size {
        Ok(FILE_BYTES_MAX..) => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
        Ok(_) => fs::read_to_string(&path),
        Err(error) => Err(error),
    };
    let said = match text {
        Ok(text) => match names(&text) {
            Some(names) => names.iter().filter_map(|name| said_of(name)).collect(),
            None => vec![
                "this is no list of plug-ins such as [rabbitmq_management]. and is passed over"
                    .to_owned(),
            ],
        },
        // RabbitMQ starts without the file as well, and makes it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![format!("it cannot be read and is passed over: {error}")],
    };
    let warning =
        |text| Warning { source: source.clone(), text: format!("{}: {text}", path.display()) };
    Ok(said.into_iter().map(warning).collect())
}

fn said_of(name: &str) -> Option<String> {
    match plugins::find(name) {
        Some(plugin) if plugin.built_in => None,
        Some(plugin) => {
            Some(format!("the plug-in '{name}' is not built in ({}): take it out", plugin.about))
        }
        None => Some(format!("the plug-in '{name}' is not known, and plug-ins cannot be loaded")),
    }
}

/// The atoms of a list; `None` when the text is none.
fn names(text: &str) -> Option<Vec<String>> {
    let lines = text.lines().map(|line| line.split('%').next().unwrap_or_default());
    let text: String = lines.collect::<Vec<_>>().join(" ");
    let inside = text.trim().strip_suffix('.')?.trim().strip_prefix('[')?.strip_suffix(']')?;
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    inside.split(',').map(|part| atom(part.trim())).collect()
}

fn atom(text: &str) -> Option<String> {
    let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let name = quoted.unwrap_or(text);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@-".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_atoms_is_read_as_erlang_reads_it() {
        let read = |text| names(text).map(|names| names.join(" "));
        assert_eq!(read("[rabbitmq_management].\n"), Some("rabbitmq_management".to_owned()));
        assert_eq!(read("%% mine\n[a, 'b-c' % two\n ,d].\n"), Some("a b-c d".to_owned()));
        assert_eq!(read("[]."), Some(String::new()));
        for wrong in ["", "rabbitmq_management", "[a]", "[a b].", "[a,].", "[{a, 1}].", "[a]. [b]."]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
