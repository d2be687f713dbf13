//! Definitions to and from a file.

use std::fs;
use std::path::Path;

use hyper::Method;
use serde_json::Value;

use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::{CommandSpec, Flag, Section::Definitions};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "export_definitions",
        Definitions,
        "Writes the definitions to a file; with --vhost those of one virtual host",
        export,
    )
    .takes("<file>")
    .checks(only_json)
    .flags(&[FORMAT])
    .within_s(TIMEOUT_S)
    .says(|call| to_file(call, "Exporting definitions in JSON to a file at")),
    CommandSpec::new(
        "import_definitions",
        Definitions,
        "Reads definitions from a file; - or nothing is standard input",
        import,
    )
    .takes("[<file>]")
    .checks(|call| match file(call).filter(|file| !Path::new(file).exists()) {
        Some(file) => Err(Failure::argument(format!("File {file} does not exist"))),
        None => only_json(call),
    })
    .flags(&[
        FORMAT,
        Flag::switch("skip-if-unchanged", "Taken; what is there already is left as it is"),
        Flag::switch("prune", "Delete what the file does not have"),
    ])
    .within_s(TIMEOUT_S)
    .says(|call| match file(call) {
        Some(_) => to_file(call, "Importing definitions in JSON from a file at"),
        None => "Importing definitions in JSON from standard input ...".to_owned(),
    }),
];

const FORMAT: Flag = Flag::text("format", "form", "json");

fn to_file(call: &Call, doing: &str) -> String {
    file(call).map(|file| format!("{doing} \"{file}\" ...")).unwrap_or_default()
}

fn file(call: &Call) -> Option<&str> {
    call.arguments.first().map(String::as_str).filter(|file| *file != "-")
}

fn only_json(call: &Call) -> Result<(), Failure> {
    match call.flag("format") {
        None => Ok(()),
        Some(form) if form.eq_ignore_ascii_case("json") => Ok(()),
        Some(form) => Err(Failure::argument(format!("format {form} is not supported: use json"))),
    }
}

fn of_vhost(call: &Call) -> String {
    match call.flag("vhost") {
        Some(vhost) => path(&["definitions", vhost]),
        None => path(&["definitions"]),
    }
}

fn export(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let asked = session.ask(&Method::GET, &of_vhost(call), None)?;
    let document = asked.map_err(refused)?.body.to_string();
    let Some(file) = file(call) else { return Ok(Answer::Raw(document)) };
    write_whole(Path::new(file), &document).map_err(|error| {
        let text = format!("cannot write the definitions to {file}: {error}");
        Failure::told(code::DATA, text)
    })?;
    Ok(Answer::Done)
}

/// Written whole or not at all: a disk that is full must not leave half a document under the name.
fn write_whole(file: &Path, document: &str) -> std::io::Result<()> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        // A device or a pipe cannot be put in place of another.
        return fs::write(file, document);
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(".tmp");
    fs::write(&beside, document).and_then(|()| fs::rename(&beside, file)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn import(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let document = read(session)?;
    let mut address = of_vhost(call);
    let conditions: Vec<&str> = [("dry-run", "dry_run=true"), ("prune", "prune=true")]
        .into_iter()
        .filter_map(|(flag, condition)| call.has(flag).then_some(condition))
        .collect();
    if !conditions.is_empty() {
        address.push('?');
        address.push_str(&conditions.join("&"));
    }
    match session.ask(&Method::POST, &address, Some(&document))? {
        Ok(reply) if call.has("dry-run") => {
            let text = serde_json::to_string_pretty(&reply.body).unwrap_or_default();
            Ok(Answer::Document { document: reply.body, text })
        }
        Ok(_) => Ok(Answer::Text(IMPORTED.to_owned())),
        Err(ApiError::Refused { status: 400, reason, .. }) => {
            Err(Failure::told(code::DATA, reason))
        }
        Err(error) => Err(refused(error)),
    }
}

fn read(session: &mut Session<'_>) -> Result<Value, Failure> {
    let (name, text) = if let Some(file) = file(session.call) {
        (format!("File {file}"), fs::read_to_string(file))
    } else {
        let mut text = String::new();
        let read = session.input.read_to_string(&mut text).map(|_| text);
        ("Standard input".to_owned(), read)
    };
    let text =
        text.map_err(|error| Failure::told(code::DATA, format!("{name} cannot be read: {error}")))?;
    if text.trim().is_empty() {
        return Err(Failure::told(code::DATA, format!("{name} is zero-sized")));
    }
    serde_json::from_str(&text)
        .map_err(|error| Failure::told(code::DATA, format!("{name} is no JSON document: {error}")))
}

const TIMEOUT_S: u64 = 300;
const IMPORTED: &str = "Successfully started definition import. The definitions are in force.";
