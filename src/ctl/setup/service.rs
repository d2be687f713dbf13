//! `haremq service install`: the unit for systemd, as it lies in `config/`, for the program where it lies.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::files;
use crate::config::ServiceCommand;

/// Of the system.
const SYSTEM_UNIT: &str = include_str!("../../../config/haremq.service");

/// Of one user.
const USER_UNIT: &str = include_str!("../../../config/haremq-user.service");

/// Where the units of `config/` have the program.
const PACKAGED: &str = "/usr/bin/haremq";

const UNIT_NAME: &str = "haremq.service";

/// Why no unit was written. Shown as one line.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("it is not known where this program lies: {0}")]
    Program(io::Error),
    #[error("the path of this program holds a character that a unit cannot: {0}")]
    Path(PathBuf),
    #[error(
        "HOME is not set, so it is not known where this user's units lie: name a folder with --directory"
    )]
    NoHome,
    #[error("{0} is there and says something else: look at it, and write over it with --force")]
    Other(PathBuf),
    #[error("cannot write {path}: {error}{hint}")]
    Write { path: PathBuf, error: io::Error, hint: &'static str },
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command on the standard streams of the process; returns the exit code: 1 when nothing was written.
#[must_use]
pub fn run_service_on_terminal(
    command: &ServiceCommand,
    environment: &[(OsString, OsString)],
) -> u8 {
    match install(command, environment, &mut io::stdout().lock()) {
        Ok(()) => 0,
        Err(ServiceError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(io::stderr(), "haremq: {error}");
            1
        }
    }
}

fn install(
    command: &ServiceCommand,
    environment: &[(OsString, OsString)],
    output: &mut dyn Write,
) -> Result<(), ServiceError> {
    let ServiceCommand::Install { print, user, force, directory } = command;
    let program = std::env::current_exe().map_err(ServiceError::Program)?;
    let unit = unit(if *user { USER_UNIT } else { SYSTEM_UNIT }, &program)?;
    if *print {
        output.write_all(unit.as_bytes())?;
        return Ok(output.flush()?);
    }
    let folder = match directory {
        Some(folder) => folder.clone(),
        None if *user => units_of_user(environment)?,
        None => PathBuf::from("/etc/systemd/system"),
    };
    let path = folder.join(UNIT_NAME);
    let failed = |error: io::Error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied && !user;
        let hint = if denied { ": write it as root, or --user for one of your own" } else { "" };
        ServiceError::Write { path: path.clone(), error, hint }
    };
    match fs::read_to_string(&path) {
        Ok(there) if there == unit => {
            writeln!(output, "{} is there already and says the same", path.display())?;
        }
        Ok(_) if !force => return Err(ServiceError::Other(path)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(failed(error)),
        // What is no text, or not there.
        Ok(_) | Err(_) => {
            fs::create_dir_all(&folder)
                .and_then(|()| files::write(&path, &unit))
                .map_err(failed)?;
            writeln!(output, "wrote {}", path.display())?;
        }
    }
    write!(output, "{}", if *user { NEXT_OF_USER } else { NEXT_OF_SYSTEM })?;
    Ok(output.flush()?)
}

/// The unit that starts this program.
fn unit(text: &str, program: &Path) -> Result<String, ServiceError> {
    let refused = || ServiceError::Path(program.to_owned());
    let path = program.to_str().ok_or_else(refused)?;
    // systemd takes these for the end of a word, for quotes, for an escape or for what it is to put there.
    if path.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'\\%$".contains(c)) {
        return Err(refused());
    }
    Ok(text.replace(&format!("ExecStart={PACKAGED} "), &format!("ExecStart={path} ")))
}

fn units_of_user(environment: &[(OsString, OsString)]) -> Result<PathBuf, ServiceError> {
    let variable = |name: &str| -> Option<&OsStr> {
        let found = environment.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    };
    let config = match (variable("XDG_CONFIG_HOME"), variable("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => Path::new(home).join(".config"),
        (None, None) => return Err(ServiceError::NoHome),
    };
    Ok(config.join("systemd/user"))
}

const NEXT_OF_SYSTEM: &str = "\
Next, as root:
  id haremq || useradd --system --user-group --home-dir /var/lib/haremq --shell /usr/sbin/nologin haremq
  systemctl daemon-reload
  systemctl enable --now haremq
Its log:            journalctl --unit haremq --follow
To take it away:    systemctl disable --now haremq, and delete the file
";

const NEXT_OF_USER: &str = "\
Next:
  systemctl --user daemon-reload
  systemctl --user enable --now haremq
Its log:            journalctl --user --unit haremq --follow
It ends with your last session, unless: loginctl enable-linger
To take it away:    systemctl --user disable --now haremq, and delete the file
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_starts_the_program_where_it_lies() {
        for text in [SYSTEM_UNIT, USER_UNIT] {
            let unit = unit(text, Path::new("/opt/a/haremq")).expect("a plain path");
            assert!(unit.contains("\nExecStart=/opt/a/haremq serve"), "{unit}");
            assert!(!unit.contains(PACKAGED), "{unit}");
        }
        for path in ["/opt/a b/haremq", "/opt/%h/haremq", "/opt/\"/haremq", "/opt/$A/haremq"] {
            assert!(
                matches!(unit(SYSTEM_UNIT, Path::new(path)), Err(ServiceError::Path(_))),
                "{path}"
            );
        }
    }

    #[test]
    fn the_units_of_a_user_lie_where_the_environment_says() {
        let of = |variables: &[(&str, &str)]| {
            let variables: Vec<(OsString, OsString)> =
                variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
            units_of_user(&variables)
        };
        let found = of(&[("HOME", "/home/a")]).expect("a home");
        assert_eq!(found, Path::new("/home/a/.config/systemd/user"));
        let found = of(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/c")]).expect("a folder");
        assert_eq!(found, Path::new("/c/systemd/user"));
        assert!(matches!(of(&[("HOME", "")]), Err(ServiceError::NoHome)));
    }
}
