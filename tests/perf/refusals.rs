//! What goes wrong is said on standard error, with an exit code.

use super::program::{Run, uri};
use crate::support::methods::queue;
use crate::support::{Broker, RawClient, id, unique};

fn expect(arguments: &[&str], code: i32, said: &[&str]) {
    let run = Run::of(arguments);
    assert_eq!(run.code, Some(code), "{arguments:?}: {run:?}");
    assert_eq!(run.stdout, "", "{arguments:?}");
    for text in said {
        assert!(run.stderr.contains(text), "{arguments:?}: no {text:?} in {}", run.stderr);
    }
}

#[test]
fn a_wrong_command_line_says_what_is_expected() {
    expect(&["throughput", "--uri", "amqps://h"], 64, &["amqps is not supported"]);
    expect(&["throughput", "--uri", "localhost"], 64, &["'localhost'", "amqp://user:password@"]);
    expect(&["throughput", "--rate", "-1"], 64, &["'-1'"]);
    expect(&["throughput", "--rate", "fast"], 64, &["'fast'", "messages per second from"]);
    expect(&["throughput", "--producers", "0", "--consumers", "0"], 64, &["nothing would happen"]);
    let prefetch = ["throughput", "--prefetch", "10", "--ack-every", "11"];
    expect(&prefetch, 64, &["--ack-every is larger than --prefetch"]);
    expect(&["throughput", "--bindings", "5"], 64, &["--bindings needs --exchange"]);
    expect(&["throughput", "--argument", "x"], 64, &["'x'", "KEY=VALUE"]);
    expect(&["latency", "--size", "7"], 64, &["--size 7", "at least 8"]);
    expect(&["churn", "--what", "users"], 64, &["'users'", "bindings"]);
    expect(&["connections", "--count", "9999999999"], 64, &["may open"]);
    expect(&["nothing"], 64, &["'nothing'"]);
}

#[test]
fn help_has_examples_for_every_mode() {
    for mode in ["throughput", "latency", "backlog", "connections", "churn", "disk"] {
        let run = Run::of(&[mode, "--help"]);
        assert_eq!(run.code, Some(0));
        assert!(run.stdout.contains(&format!("  haremq perf {mode}")), "{}", run.stdout);
    }
}

#[test]
fn a_broker_that_is_not_there_is_said() {
    // Port 1 is nobody's.
    let uri = ["throughput", "--uri", "amqp://127.0.0.1:1"];
    expect(&uri, 1, &["127.0.0.1:1", "is a broker running there?"]);
}

#[test]
fn a_refused_login_has_the_brokers_words() {
    let port = Broker::shared().port();
    let uri = format!("amqp://guest:wrong@127.0.0.1:{port}");
    expect(&["churn", "--uri", &uri], 1, &["403 ACCESS_REFUSED - Login was refused"]);
}

#[test]
fn a_refused_declare_has_the_brokers_words_and_leaves_the_queue() {
    let (name, uri) = (unique("perf"), uri(Broker::shared()));
    let mut client = RawClient::with_channel();
    client.declare(1, &queue::declare(format!("{name}-1")));
    let durable = ["throughput", "--uri", &uri, "--queue-pattern", &name, "--durable"];
    let said = ["closed the channel: 406 PRECONDITION_FAILED", "'durable'", "queue.declare"];
    expect(&durable, 1, &said);
    client.call(1, &queue::delete(&format!("{name}-1")), id::QUEUE_DELETE_OK).long();
}

#[test]
fn a_queue_that_is_deleted_under_a_run_ends_it() {
    let (name, uri) = (unique("perf"), uri(Broker::shared()));
    let endless = ["throughput", "--duration", "0", "--rate", "100", "--uri", &uri];
    let child = super::program::start(&[&endless[..], &["--queue-pattern", &name]].concat());
    let queue = format!("{name}-1");
    let mut client = RawClient::with_channel();
    while client.declare(1, &queue::declare(&queue)).1 == 0 {}
    client.call(1, &queue::delete(&queue), id::QUEUE_DELETE_OK).long();
    let run = Run::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("cancelled consumer 'c0'"), "{run:?}");
}

#[test]
fn a_backlog_does_not_begin_in_a_queue_of_others() {
    let (name, uri) = (unique("perf"), uri(Broker::shared()));
    let mut client = RawClient::with_channel();
    client.declare(1, &queue::declare(format!("{name}-1")));
    let backlog = ["backlog", "--transient", "--uri", &uri, "--queue-pattern", &name];
    expect(&backlog, 64, &["the queue is there already"]);
    client.call(1, &queue::delete(&format!("{name}-1")), id::QUEUE_DELETE_OK).long();
}
