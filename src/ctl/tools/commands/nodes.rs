//! Starts, stops and waits for the broker.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::facts;
use super::health::positive;
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::{Configuration, FeatureFlags, Nodes, Operations};
use crate::ctl::tools::spec::{CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("await_startup", Nodes, "Waits until the broker is started", await_startup)
        .within_s(AWAIT_S),
    CommandSpec::new("await_online_nodes", Nodes, "Waits until so many nodes are there; there is one", await_online_nodes)
        .takes("<count>")
    .checks(|call| positive(call).map(|_| ()))
        .within_s(AWAIT_S)
        .says(|call| {
            let (count, node, seconds) = (call.argument(0), &call.node, call.timeout_s());
            format!("Will wait for at least {count} nodes to join the cluster of {node}. Timeout: {seconds} seconds.")
        }),
    CommandSpec::new("wait", Nodes, "Waits until the broker of a pid file is started", wait)
        .takes("[<pidfile>]")
        .flags(&[Flag::number("pid", "pid", "The process, in the place of a file").short('P')])
        .tools(&[Rabbitmqctl, Diagnostics])
        .within_s(AWAIT_S),
    CommandSpec::new("stop", Nodes, "Stops the broker; waits for the end of the process of a pid file", stop)
        .takes("[<pidfile>]")
        .flags(&[Flag::switch("idempotent", "A broker that is not there is stopped")])
        .says(|call| format!("Stopping and halting node {} ...", call.node)),
    CommandSpec::new("shutdown", Nodes, "Stops the broker and waits for the end of its process", shutdown)
        .flags(&[Flag::switch("wait", "Wait; this is what happens anyway"), Flag::switch("no-wait", "Do not wait")])
        .says(|call| format!("Shutting down RabbitMQ node {} ...", call.node)),
    CommandSpec::new("stop_app", Nodes, "Closes the connections and takes no others, until start_app", stop_app)
        .says(|call| format!("Stopping rabbit application on node {} ...", call.node)),
    CommandSpec::new("start_app", Nodes, "Takes connections again after stop_app", start_app)
        .says(|call| format!("Starting node {} ...", call.node)),
    CommandSpec::new("reset", Nodes, "Deletes everything that is kept; after stop_app", reset)
        .says(|call| format!("Resetting node {} ...", call.node)),
    CommandSpec::new("force_reset", Nodes, "As reset", reset)
        .says(|call| format!("Forcefully resetting node {} ...", call.node)),
    CommandSpec::new("suspend_listeners", Operations, "Takes no new connection until resume_listeners", suspend)
        .says(|call| format!("Will suspend client connection listeners on node {}. The node will no longer accept client connections!", call.node)),
    CommandSpec::new("resume_listeners", Operations, "Takes connections again", resume)
        .says(|call| format!("Will resume client connection listeners on node {}. The node will now accept client connections", call.node)),
    CommandSpec::new("force_gc", Operations, "Gives free memory back to the system", force_gc)
        .says(|call| format!("Will ask all processes on node {} to schedule a full sweep GC", call.node)),
    CommandSpec::new("rotate_logs", Operations, "Does nothing: the log goes to standard output", rotate_logs),
    CommandSpec::new("set_log_level", Configuration, "Sets the least serious level that is logged", set_log_level)
        .takes("<level>"),
    CommandSpec::new("set_vm_memory_high_watermark", Configuration, "Sets the memory above which publishers are held back", set_memory)
        .takes("<fraction> [<absolute value>]"),
    CommandSpec::new("set_disk_free_limit", Configuration, "Sets the free space below which publishers are held back", set_disk)
        .takes("<limit> [<fraction>]"),
    CommandSpec::new("enable_feature_flag", FeatureFlags, "Enables a feature flag, or all", enable_feature_flag)
        .takes("<feature_flag>")
        .flags(&[Flag::switch("experimental", "Also one that is not finished")])
        .says(|call| match call.argument(0) {
            "all" => "Enabling all feature flags ...".to_owned(),
            flag => format!("Enabling feature flag \"{flag}\" ..."),
        }),
];

fn await_startup(session: &mut Session<'_>) -> Result<Answer, Failure> {
    session.until(&mut Session::is_started)?;
    Ok(Answer::Done)
}

fn await_online_nodes(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let count = positive(session.call)?;
    if count > 1 {
        let text =
            format!("there is one node, and {count} will not come: clusters are not there yet");
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    await_startup(session)
}

fn wait(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let pid = match (session.call.arguments.first(), session.call.number("pid")) {
        (Some(file), None) => pid_of_file(session, &file.clone())?,
        (None, Some(pid)) => pid,
        _ => return Err(Failure::usage("Please specify either a pidfile or --pid, and only one")),
    };
    let node = session.call.node.clone();
    session.say(&format!(
        "Waiting for erlang distribution on node '{node}' while OS process '{pid}' is running"
    ))?;
    session
        .say(&format!("Waiting for applications 'rabbit_and_plugins' to start on node '{node}'"))?;
    session.until(&mut |session| {
        if !is_running(pid) {
            return Err(Failure::told(code::SOFTWARE, "process_not_running"));
        }
        session.is_started()
    })?;
    Ok(Answer::Text(format!("Applications 'rabbit_and_plugins' are running on node '{node}'")))
}

fn pid_of_file(session: &mut Session<'_>, file: &str) -> Result<u64, Failure> {
    session.say(&format!("Waiting for pid file '{file}' to appear"))?;
    let mut pid = None;
    // A file that is empty is still being written.
    session.until(&mut |_| {
        pid = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
        Ok(pid.is_some())
    })?;
    let pid = pid.unwrap_or_default();
    session.say(&format!("pid is {pid}"))?;
    Ok(pid)
}

/// Whether a process is there; one that may not be looked at is.
fn is_running(pid: u64) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let has_number = |pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH);
    pid.is_some_and(|pid| has_number(pid) && !has_ended(pid))
}

/// A process that ended keeps its number until its parent has asked how. `/proc` says so; where there is none,
/// the number decides.
fn has_ended(pid: rustix::process::Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // The name in parentheses may hold anything.
    let state = stat.ok().and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()));
    state.is_some_and(|state| state.starts_with(['Z', 'X']))
}

fn stop(session: &mut Session<'_>) -> Result<Answer, Failure> {
    if session.call.has("idempotent") && !session.answers()? {
        let text = format!("Node {} is no longer running", session.call.node);
        return Ok(Answer::Text(text));
    }
    let pid = session.call.arguments.first().and_then(|file| fs::read_to_string(file).ok());
    let pid = pid.and_then(|text| text.trim().parse::<u64>().ok());
    let missing = session.call.arguments.first().filter(|file| !Path::new(file).exists());
    if let Some(file) = missing {
        let text = format!("there is no pid file {file}");
        return Err(Failure::told(code::DATA, text));
    }
    node_action(session, "stop")?;
    if let Some(pid) = pid {
        session.until(&mut |_| Ok(!is_running(pid)))?;
    }
    Ok(Answer::Done)
}

fn shutdown(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let pid = facts::node(session)?["os_pid"].as_str().and_then(|pid| pid.parse::<u64>().ok());
    let is_here = matches!(session.place()?, crate::ctl::tools::place::Place::Socket(_));
    node_action(session, "stop")?;
    let Some(pid) = pid.filter(|_| is_here && !session.call.has("no-wait")) else {
        return Ok(Answer::Done);
    };
    session.say(&format!("Waiting for pid {pid} to terminate"))?;
    session.until(&mut |_| Ok(!is_running(pid)))?;
    Ok(Answer::Text(format!("RabbitMQ node {} successfully shut down", session.call.node)))
}

fn stop_app(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "stop_app")
}

fn start_app(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "start_app")
}

fn reset(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "reset")
}

fn suspend(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "suspend_listeners")
}

fn resume(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "resume_listeners")
}

fn force_gc(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "trim_memory")
}

fn rotate_logs(_: &mut Session<'_>) -> Result<Answer, Failure> {
    let text = "This command does not rotate logs anymore [deprecated]";
    Err(Failure::told(code::UNAVAILABLE, text))
}

/// Something that RabbitMQ's API has no word for.
pub(super) fn node_action(session: &mut Session<'_>, action: &str) -> Result<Answer, Failure> {
    match session.post(&["haremq", "node", action], &json!({}))? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Refused { status: 409, .. }) if action == "reset" => {
            let text = "Error: this command requires the 'rabbit' app to be stopped on the target \
                        node. Stop it with 'rabbitmqctl stop_app'.";
            Err(Failure::plain(code::USAGE, text))
        }
        Err(error) => Err(refused(error)),
    }
}

fn set_log_level(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let level = session.call.argument(0).to_owned();
    if !LEVELS.contains(&level.as_str()) {
        let text = format!("level {level} is not supported. Try one of {}", LEVELS.join(", "));
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    session.say(&format!("Setting log level to \"{level}\" ..."))?;
    setting(session, &json!({ "log.default.level": level }))
}

fn set_memory(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let node = session.call.node.clone();
    let (first, second) =
        (session.call.argument(0).to_owned(), session.call.arguments.get(1).cloned());
    let (key, value, said) = match (first.as_str(), second) {
        ("absolute", Some(bytes)) => {
            ("vm_memory_high_watermark.absolute", bytes.clone(), format!("{bytes} bytes"))
        }
        (fraction, None) if is_fraction(fraction) => {
            ("vm_memory_high_watermark.relative", first.clone(), first.clone())
        }
        _ => return Err(bad_argument()),
    };
    session.say(&format!("Setting memory threshold on {node} to {said} ..."))?;
    setting(session, &json!({ key: value }))
}

fn set_disk(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let node = session.call.node.clone();
    let (first, second) =
        (session.call.argument(0).to_owned(), session.call.arguments.get(1).cloned());
    let (key, value, said) = match (first.as_str(), second) {
        ("mem_relative", Some(fraction)) if fraction.parse::<f64>().is_ok_and(|f| f >= 0.0) => (
            "disk_free_limit.relative",
            fraction.clone(),
            format!("{fraction} times the total RAM"),
        ),
        (_, None) if first.starts_with(|c: char| c.is_ascii_digit()) => {
            ("disk_free_limit.absolute", first.clone(), format!("{first} bytes"))
        }
        _ => return Err(bad_argument()),
    };
    session.say(&format!("Setting disk free limit on {node} to {said} ..."))?;
    setting(session, &json!({ key: value }))
}

fn is_fraction(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|fraction| (0.0..=1.0).contains(&fraction))
}

fn bad_argument() -> Failure {
    Failure::Arguments { reason: "Bad argument.".to_owned(), code: code::DATA }
}

/// Changes settings of the running broker; a restart forgets it.
fn setting(session: &mut Session<'_>, settings: &Value) -> Result<Answer, Failure> {
    session.put(&["haremq", "settings"], settings)?.map_err(refused)?;
    Ok(Answer::Done)
}

fn enable_feature_flag(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let flag = session.call.argument(0);
    if flag == "all" {
        // All of them are enabled; that they are there is what is asked.
        session.list(&["feature-flags"])?;
        return Ok(Answer::Done);
    }
    match session.put(&["feature-flags", flag, "enable"], &json!({ "name": flag }))? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Missing(_) | ApiError::Refused { status: 400, .. }) => {
            let text = format!("This feature flag is not supported by node {}", session.call.node);
            Err(Failure::told(code::USAGE, text))
        }
        Err(error) => Err(refused(error)),
    }
}

impl Session<'_> {
    /// Whether the broker takes clients.
    fn is_started(&mut self) -> Result<bool, Failure> {
        match self.get(&["health", "checks", "ready-to-serve-clients"]) {
            Ok(answer) => Ok(answer.is_ok()),
            // It is not there yet, or does not answer yet.
            Err(Failure::Plain { code: code::UNAVAILABLE | code::TEMPORARY, .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// As RabbitMQ's.
const AWAIT_S: u64 = 300;
const LEVELS: &[&str] = &["debug", "info", "warning", "error", "critical", "none"];
