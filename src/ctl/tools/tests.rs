//! The table of commands as a whole, and the forms of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use serde_json::json;

use super::answer::{Answer, Cell, Table};
use super::format::write_answer;
use super::parse::{Parsed, parse};
use super::spec::{COMMON_FLAGS, CommandSpec, FlagKind};
use super::tool::Tool;
use super::{Streams, generate, run_tool, table};

/// Exit code, standard output, standard error. Nothing listens where the tool looks.
fn run(line: &[&str]) -> (u8, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = ("HAREMQ_DATA_DIR".into(), folder.path().as_os_str().to_owned());
    let node = ("RABBITMQ_NODENAME".into(), "rabbit@box".into());
    let words: Vec<OsString> = line.iter().map(OsString::from).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut std::io::empty(), output: &mut output, errors: &mut errors };
    let code = run_tool(&words, &[data, node], &mut streams).expect("a tool");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (code, text(output), text(errors))
}

fn call(words: &[&str]) -> super::call::Call {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    match parse(Tool::Rabbitmqctl, &words, "rabbit@box") {
        Parsed::Call(call) => *call,
        other => panic!("{other:?}"),
    }
}

fn tool_of(command: &CommandSpec) -> Tool {
    let tool = command.tools.iter().copied().find(|tool| command.belongs_to(*tool));
    tool.unwrap_or(Tool::Ctl)
}

#[test]
fn every_command_refuses_a_wrong_number_of_arguments_with_its_usage() {
    for command in table::commands() {
        let (fewest, most) = command.counts();
        let tool = tool_of(command).name();
        let program = if tool == "haremq ctl" { vec!["haremq", "ctl"] } else { vec![tool] };
        let mut lines = Vec::new();
        if fewest > 0 {
            lines.push((vec!["a"; fewest - 1], "not enough arguments."));
        }
        if let Some(most) = most {
            lines.push((vec!["a"; most + 1], "too many arguments."));
        }
        for (arguments, reason) in lines {
            let line = [&program[..], &[command.name][..], &arguments[..]].concat();
            let (code, output, errors) = run(&line);
            assert_eq!((code, output.as_str()), (64, ""), "{line:?}");
            let typed = [&[command.name][..], &arguments[..]].concat().join(" ");
            let start = format!(
                "Error (argument validation): {reason}\nArguments given:\n\t{typed}\n\nUsage\n\n{tool} "
            );
            assert!(errors.starts_with(&start), "{errors}");
            assert!(errors.contains(command.arguments), "{errors}");
        }
    }
}

#[test]
fn every_command_refuses_an_unknown_flag_and_an_unknown_form() {
    for command in table::commands() {
        let program =
            if tool_of(command) == Tool::Plugins { "rabbitmq-plugins" } else { "rabbitmqctl" };
        let arguments = vec!["1"; command.counts().0];
        let (code, output, errors) =
            run(&[&[program, command.name, "--nonsense"], &arguments[..]].concat());
        assert_eq!((code, output.as_str()), (64, ""), "{}", command.name);
        assert!(errors.contains("Invalid options for this command:\n--nonsense : \n"), "{errors}");
        let (code, ..) =
            run(&[&[program, command.name, "--formatter", "x"], &arguments[..]].concat());
        assert_eq!(code, 64, "{}", command.name);
    }
}

#[test]
fn every_command_that_lists_refuses_an_unknown_column() {
    let lists: Vec<&CommandSpec> =
        table::commands().filter(|command| !command.columns.is_empty()).collect();
    assert!(lists.len() > 8, "{}", lists.len());
    for command in lists {
        let (code, _, errors) = run(&["rabbitmqctl", command.name, "name,nonsense", "other"]);
        let known = command.columns.iter().any(|column| column.name == "name");
        let strangers = if known { "nonsense,other" } else { "name,nonsense,other" };
        assert_eq!(code, 64, "{}", command.name);
        let reason = format!("Info key(s) {strangers} are not supported");
        assert!(errors.contains(&reason), "{errors}");
        for default in command.columns_default {
            assert!(command.columns.iter().any(|column| column.name == *default), "{default}");
        }
    }
}

#[test]
fn every_name_of_a_tool_stands_for_one_command() {
    for tool in Tool::ALL {
        let mut seen = BTreeMap::new();
        for command in table::commands().filter(|command| command.belongs_to(tool)) {
            for name in std::iter::once(&command.name).chain(command.aliases) {
                assert_eq!(seen.insert(*name, command.name), None, "{} {name}", tool.name());
            }
        }
        assert!(seen.len() > 5, "{}", tool.name());
    }
}

#[test]
fn no_flag_of_a_command_has_two_meanings() {
    for command in table::commands() {
        let mut longs = BTreeSet::new();
        let mut shorts = BTreeSet::new();
        for flag in command.flags.iter().chain(COMMON_FLAGS) {
            assert!(longs.insert(flag.long), "{} --{}", command.name, flag.long);
            assert!(
                flag.short.is_none_or(|s| shorts.insert(s)),
                "{} -{:?}",
                command.name,
                flag.short
            );
            if let FlagKind::Number(_) = flag.kind {
                let line = ["rabbitmqctl", command.name, &format!("--{}", flag.long), "x"];
                assert_eq!(run(&line).0, 64, "{line:?}");
            }
        }
    }
}

#[test]
fn every_command_that_asks_says_that_nobody_answers() {
    let alone =
        ["help", "version", "autocomplete", "completions", "man", "list_hashes", "list_ciphers"];
    let waiting = ["await_startup", "await_online_nodes", "wait", "import_definitions"];
    for command in table::commands() {
        let stays_here = alone.contains(&command.name) || waiting.contains(&command.name);
        if stays_here || tool_of(command) == Tool::Plugins {
            continue;
        }
        // Good for a name, a number, a document and a fraction.
        let arguments = vec!["1"; command.counts().0];
        let (code, _, errors) = run(&[&["rabbitmqctl", command.name], &arguments[..]].concat());
        assert!([69, 65].contains(&code), "{} {code} {errors}", command.name);
        assert!(!errors.is_empty(), "{}", command.name);
    }
    let (code, output, errors) = run(&["rabbitmqctl", "list_users"]);
    assert_eq!((code, output.as_str()), (69, "Listing users ...\n"));
    assert!(
        errors.starts_with("Error: unable to perform an operation on node 'rabbit@box'."),
        "{errors}"
    );
    assert!(errors.contains("management.sock") && errors.contains("--data-dir"), "{errors}");
}

#[test]
fn waiting_ends_with_a_temporary_failure() {
    for line in [
        &["rabbitmqctl", "await_startup", "-t", "1"][..],
        &["rabbitmqctl", "wait", "/nonexistent/pid", "-t", "1"],
    ] {
        let (code, _, errors) = run(line);
        assert_eq!(code, 75, "{errors}");
        let name = line[1];
        let text = format!(
            "Error: operation {name} on node rabbit@box timed out. Timeout value used: 1000\n"
        );
        assert_eq!(errors, text);
    }
}

#[test]
fn flags_stand_before_or_behind_the_command_and_in_each_way_of_writing() {
    for line in [
        &["-q", "-p", "shop", "list_queues", "name"][..],
        &["list_queues", "--vhost=shop", "name", "--quiet"],
        &["list_queues", "--quiet", "--vhost", "shop", "--", "name"],
        &["-n", "x@y", "--longnames", "list_queues", "-p", "shop", "name", "-q"],
    ] {
        let call = call(line);
        assert_eq!((call.vhost(), call.is_quiet()), ("shop", true), "{line:?}");
        assert_eq!(call.arguments, ["name"], "{line:?}");
    }
    let named = call(&["-p", "status", "--if-unused", "delete_queue", "jobs"]);
    assert_eq!((named.vhost(), named.has("if-unused")), ("status", true));
    assert_eq!(call(&["list_users", "-t", "7"]).timeout_s(), 7);
    assert_eq!(call(&["change_password", "a", "-1"]).arguments, ["a", "-1"]);
    assert_eq!(call(&["export_definitions", "-"]).arguments, ["-"]);
    assert_eq!(call(&["-n", "x@y", "status"]).node, "x@y");
}

#[test]
fn a_tool_without_a_command_shows_its_commands_and_fails() {
    for tool in ["rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins", "rabbitmq-queues"] {
        let (code, output, errors) = run(&[tool]);
        assert_eq!((code, output.as_str()), (64, ""), "{tool}");
        assert!(errors.contains("Available commands:"), "{errors}");
        let (code, output, errors) = run(&[tool, "help"]);
        assert_eq!((code, errors.as_str()), (0, ""));
        assert!(output.contains("Available commands:"), "{output}");
    }
}

#[test]
fn an_unknown_command_is_a_usage_error_that_names_a_near_one() {
    let (code, output, errors) = run(&["rabbitmqctl", "list_queus"]);
    assert_eq!((code, output.as_str()), (64, ""));
    assert_eq!(errors, "\nCommand 'list_queus' not found.\nDid you mean 'list_queues'?\n\n");
    let (code, _, errors) = run(&["rabbitmqctl", "frobnicate"]);
    assert_eq!(code, 64);
    assert!(errors.contains("Available commands:"), "{errors}");
}

#[test]
fn help_and_version_are_no_failures() {
    for line in [&["rabbitmqctl", "help", "add_user"][..], &["rabbitmqctl", "add_user", "--help"]] {
        let (code, output, _) = run(line);
        assert_eq!(code, 0);
        assert!(
            output.contains("add_user [--pre-hashed-password] <username> [<password>]"),
            "{output}"
        );
    }
    for line in [&["rabbitmqctl", "version"][..], &["rabbitmqctl", "--version"]] {
        assert_eq!(run(line), (0, format!("{}\n", env!("CARGO_PKG_VERSION")), String::new()));
    }
}

#[test]
fn completions_and_man_pages_know_every_command() {
    for tool in Tool::ALL {
        let page = generate::man_page(tool).expect("a page");
        for command in table::commands().filter(|command| command.belongs_to(tool)) {
            assert!(page.contains(&format!(".SS {}\n", command.name)), "{}", command.name);
        }
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = generate::completions(tool, shell).expect("a script");
            for command in table::commands().filter(|command| command.belongs_to(tool)) {
                assert!(script.contains(command.name), "{shell} {}", command.name);
            }
        }
        assert_eq!(generate::completions(tool, "cmd"), None);
    }
}

#[test]
fn plugins_are_told_truthfully_without_a_broker() {
    let enabled = run(&["rabbitmq-plugins", "enable", "rabbitmq_management"]);
    assert_eq!((enabled.0, enabled.2.as_str()), (0, ""));
    assert!(
        enabled.1.contains("The following plugins have been configured:\n  rabbitmq_management\n")
    );
    let (code, _, errors) = run(&["rabbitmq-plugins", "enable", "rabbitmq_mqtt"]);
    assert_eq!(code, 69);
    assert!(errors.contains("nothing that takes the place of rabbitmq_mqtt"), "{errors}");
    let (code, _, errors) = run(&["rabbitmq-plugins", "enable", "nonsense"]);
    assert_eq!((code, errors.as_str()), (70, "Error:\n{:plugins_not_found, [:nonsense]}\n"));
    let (code, ..) = run(&["rabbitmq-plugins", "disable", "rabbitmq_management"]);
    assert_eq!(code, 69);
    let (code, output, _) = run(&["rabbitmq-plugins", "list", "-m", "-E", "-q", "management"]);
    assert_eq!((code, output.as_str()), (0, "rabbitmq_management\nrabbitmq_management_agent\n"));
    assert_eq!(run(&["haremq", "ctl", "plugins", "is_enabled", "rabbitmq_shovel"]).0, 69);
}

fn written(flags: &[&str], answer: &Answer) -> String {
    let mut output = Vec::new();
    write_answer(answer, &call(&[&["list_users"], flags].concat()), &mut output).expect("written");
    String::from_utf8(output).expect("UTF-8")
}

/// One cell of each kind, and what must be escaped.
fn sample() -> Answer {
    Answer::Table(Table {
        columns: vec!["name", "tags", "arguments", "policy", "value"],
        rows: vec![
            vec![
                Cell::Plain(json!("a\tb\"")),
                Cell::Words(vec!["administrator".into(), "Other".into()]),
                Cell::Arguments(json!({ "x-max-length": 10, "x-overflow": "drop-head" })),
                Cell::Plain(json!(null)),
                Cell::Json(json!({ "a": [1, "b"] })),
            ],
            vec![
                Cell::Plain(json!(7)),
                Cell::Words(vec![]),
                Cell::Arguments(json!({})),
                Cell::Plain(json!(true)),
                Cell::Json(json!(5)),
            ],
        ],
        has_header: true,
    })
}

#[test]
fn a_table_has_tabs_and_a_header_that_can_be_left_out() {
    let rows = "a\\tb\"\t[administrator, Other]\t[{\"x-max-length\",10},{\"x-overflow\",\"drop-head\"}]\t\t{\"a\":[1,\"b\"]}\n\
                7\t[]\t[]\ttrue\t5\n";
    let header = "name\ttags\targuments\tpolicy\tvalue\n";
    assert_eq!(written(&[], &sample()), format!("{header}{rows}"));
    assert_eq!(written(&["-q"], &sample()), format!("{header}{rows}"));
    assert_eq!(written(&["-s"], &sample()), rows);
    assert_eq!(written(&["--no-table-headers"], &sample()), rows);
}

#[test]
fn json_has_one_object_to_a_line_in_the_order_of_the_columns() {
    let expected = "[\n\
        {\"name\":\"a\\tb\\\"\",\"tags\":[\"administrator\",\"Other\"],\"arguments\":[[\"x-max-length\",\"signedint\",10],[\"x-overflow\",\"longstr\",\"drop-head\"]],\"policy\":\"\",\"value\":\"{\\\"a\\\":[1,\\\"b\\\"]}\"}\n\
        ,{\"name\":7,\"tags\":[],\"arguments\":[],\"policy\":true,\"value\":\"5\"}\n\
        ]\n";
    let json = written(&["--formatter", "json"], &sample());
    assert_eq!(json, expected);
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
}

#[test]
fn csv_quotes_everything() {
    assert_eq!(
        written(&["--formatter", "csv"], &sample()),
        "\"name\",\"tags\",\"arguments\",\"policy\",\"value\"\n\
         \"a\\tb\"\"\",\"[administrator, Other]\",\"[{\"\"x-max-length\"\",10},{\"\"x-overflow\"\",\"\"drop-head\"\"}]\",\"\",\"{\"\"a\"\":[1,\"\"b\"\"]}\"\n\
         \"7\",\"[]\",\"[]\",\"true\",\"5\"\n"
    );
}

#[test]
fn erlang_terms_can_be_read_by_erlang() {
    assert_eq!(
        written(&["--formatter", "erlang"], &sample()),
        "[[{name,<<\"a\\tb\\\"\">>},{tags,[administrator,'Other']},{arguments,[{<<\"x-max-length\">>,signedint,10},{<<\"x-overflow\">>,longstr,<<\"drop-head\">>}]},{policy,[]},{value,<<\"{\\\"a\\\":[1,\\\"b\\\"]}\">>}],\n \
         [{name,7},{tags,[]},{arguments,[]},{policy,true},{value,<<\"5\">>}]]\n"
    );
}

#[test]
fn a_drawn_table_has_columns_as_wide_as_their_widest_cell() {
    let table = Table {
        columns: vec!["user", "n"],
        rows: vec![vec![Cell::Plain(json!("guest")), Cell::Plain(json!(10))]],
        has_header: true,
    };
    assert_eq!(
        written(&["--formatter", "pretty_table"], &Answer::Table(table)),
        "┌───────┬────┐\n│ user  │ n  │\n├───────┼────┤\n│ guest │ 10 │\n└───────┴────┘\n"
    );
}

#[test]
fn a_list_without_rows_has_no_header() {
    let empty = Answer::Table(Table { columns: vec!["user"], rows: vec![], has_header: true });
    for (form, expected) in
        [("table", ""), ("csv", ""), ("pretty_table", ""), ("json", "[\n]\n"), ("erlang", "[]\n")]
    {
        assert_eq!(written(&["--formatter", form], &empty), expected, "{form}");
    }
}

#[test]
fn what_is_done_is_silent_and_a_document_for_programs() {
    assert_eq!(written(&[], &Answer::Done), "");
    let done = written(&["--formatter", "json"], &Answer::Done);
    assert_eq!(done, "{\"node\":\"rabbit@box\",\"result\":\"ok\"}\n");
    let text = Answer::Text("Ping succeeded".to_owned());
    assert_eq!(written(&[], &text), "Ping succeeded\n");
    let told = "{\"message\":\"Ping succeeded\",\"node\":\"rabbit@box\",\"result\":\"ok\"}\n";
    assert_eq!(written(&["--formatter", "json"], &text), told);
}
