//! The tools against a real broker, over the socket in its data folder.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Process, tool};

/// A broker with a data folder, which ends with the test.
pub(super) struct Served {
    folder: TempDir,
    _process: Process,
}

impl Served {
    pub(super) fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
        let flags = ["--bind", "127.0.0.1", "--port", "0", "--management-port", "0"];
        command.args(flags).args(["--log-level", "warn", "--data-dir"]).arg(folder.path());
        let process = Process::spawn(command);
        process.wait_until_ready();
        Self { folder, _process: process }
    }

    /// Its data folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs each line after the other and compares exit code, output and errors with what RabbitMQ
    /// 3.10.8 gives for the same lines.
    pub(super) fn plays(&self, script: &[Line]) {
        for (line, code, output, errors) in script {
            let words: Vec<&str> = line.split(' ').collect();
            let said = tool(self.folder(), &words);
            assert_eq!(
                (said.code, said.output.as_str(), said.errors.as_str()),
                (*code, *output, *errors),
                "{line}"
            );
        }
    }
}

/// A line, its exit code, what it prints, what it complains of.
pub(super) type Line = (&'static str, u8, &'static str, &'static str);

#[test]
fn a_course_sets_users_up_word_for_word() {
    Served::start().plays(&[
        (
            "rabbitmqctl add_user henry 123",
            0,
            "Adding user \"henry\" ...\nDone. Don't forget to grant the user permissions to some virtual \
             hosts! See 'rabbitmqctl help set_permissions' to learn more.\n",
            "",
        ),
        (
            "rabbitmqctl add_user henry 123",
            70,
            "Adding user \"henry\" ...\n",
            "Error:\nUser \"henry\" already exists\n",
        ),
        (
            "rabbitmqctl set_user_tags henry administrator other",
            0,
            "Setting tags for user \"henry\" to [administrator, other] ...\n",
            "",
        ),
        (
            "rabbitmqctl set_user_tags nobody administrator",
            67,
            "Setting tags for user \"nobody\" to [administrator] ...\n",
            "Error:\nUser \"nobody\" does not exist\n",
        ),
        (
            "rabbitmqctl list_users",
            0,
            "Listing users ...\nuser\ttags\nguest\t[administrator]\nhenry\t[administrator, other]\n",
            "",
        ),
        (
            "rabbitmqctl set_permissions -p / henry .* .* .*",
            0,
            "Setting permissions for user \"henry\" in vhost \"/\" ...\n",
            "",
        ),
        (
            "rabbitmqctl set_permissions -p nohost henry .* .* .*",
            69,
            "Setting permissions for user \"henry\" in vhost \"nohost\" ...\n",
            "Error:\nVirtual host nohost does not exist\n",
        ),
        (
            "rabbitmqctl set_permissions -p / nobody .* .* .*",
            67,
            "Setting permissions for user \"nobody\" in vhost \"/\" ...\n",
            "Error:\nUser nobody does not exist\n",
        ),
        (
            "rabbitmqctl list_user_permissions henry",
            0,
            "Listing permissions for user \"henry\" ...\nvhost\tconfigure\twrite\tread\n/\t.*\t.*\t.*\n",
            "",
        ),
        (
            "rabbitmqctl clear_permissions henry",
            0,
            "Clearing permissions for user \"henry\" in vhost \"/\" ...\n",
            "",
        ),
        ("rabbitmqctl delete_user henry", 0, "Deleting user \"henry\" ...\n", ""),
        (
            "rabbitmqctl delete_user henry",
            67,
            "Deleting user \"henry\" ...\n",
            "Error:\nUser \"henry\" does not exist\n",
        ),
    ]);
}

#[test]
fn virtual_hosts_limits_and_policies_are_set_listed_and_cleared() {
    Served::start().plays(&[
        ("rabbitmqctl add_vhost shop", 0, "Adding vhost \"shop\" ...\n", ""),
        ("rabbitmqctl add_vhost shop", 0, "Adding vhost \"shop\" ...\n", ""),
        ("rabbitmqctl list_vhosts", 0, "Listing vhosts ...\nname\n/\nshop\n", ""),
        (
            "rabbitmqctl set_vhost_limits -p shop {\"max-queues\":5,\"max-connections\":10}",
            0,
            "Setting vhost limits to \"{\"max-queues\":5,\"max-connections\":10}\" for vhost \"shop\" ...\n",
            "",
        ),
        (
            "rabbitmqctl list_vhost_limits -p shop",
            0,
            "Listing limits for vhost \"shop\" ...\n{\"max-connections\":10,\"max-queues\":5}\n",
            "",
        ),
        (
            "rabbitmqctl set_vhost_limits -p shop {\"max\":5}",
            69,
            "Setting vhost limits to \"{\"max\":5}\" for vhost \"shop\" ...\n",
            "Error:\nValidation failed\n\nUnrecognised terms [{<<\"max\">>,5}] in limits\n\n",
        ),
        (
            "rabbitmqctl set_policy ttl ^q {\"message-ttl\":60000,\"expires\":5}",
            0,
            "Setting policy \"ttl\" for pattern \"^q\" to \"{\"message-ttl\":60000,\"expires\":5}\" with \
             priority \"0\" for vhost \"/\" ...\n",
            "",
        ),
        (
            "rabbitmqctl list_policies",
            0,
            "Listing policies for vhost \"/\" ...\nvhost\tname\tpattern\tapply-to\tdefinition\tpriority\n\
             /\tttl\t^q\tall\t{\"expires\":5,\"message-ttl\":60000}\t0\n",
            "",
        ),
        (
            "rabbitmqctl set_policy bad .* {\"max-lengt\":10}",
            69,
            "Setting policy \"bad\" for pattern \".*\" to \"{\"max-lengt\":10}\" with priority \"0\" for \
             vhost \"/\" ...\n",
            "Error:\nValidation failed\n\n[{<<\"max-lengt\">>,10}] are not recognised policy settings\n\n",
        ),
        ("rabbitmqctl clear_policy ttl", 0, "Clearing policy \"ttl\" on vhost \"/\" ...\n", ""),
        (
            "rabbitmqctl clear_policy ttl",
            69,
            "Clearing policy \"ttl\" on vhost \"/\" ...\n",
            "Error:\nParameter does not exist\n",
        ),
        ("rabbitmqctl delete_vhost shop", 0, "Deleting vhost \"shop\" ...\n", ""),
        (
            "rabbitmqctl delete_vhost shop",
            65,
            "Deleting vhost \"shop\" ...\n",
            "Virtual host 'shop' does not exist\n",
        ),
    ]);
}

#[test]
fn health_checks_of_compose_files_pass() {
    let broker = Served::start();
    broker.plays(&[
        ("rabbitmq-diagnostics -q ping", 0, "Ping succeeded\n", ""),
        (
            "rabbitmq-diagnostics check_running",
            0,
            "Checking if RabbitMQ is running on node rabbit@box ...\nRabbitMQ on node rabbit@box is fully \
             booted and running\n",
            "",
        ),
        (
            "rabbitmq-diagnostics -q check_local_alarms",
            0,
            "Node rabbit@box reported no local alarms\n",
            "",
        ),
        (
            "rabbitmq-diagnostics -q check_virtual_hosts",
            0,
            "Node rabbit@box reported all vhosts as running\n",
            "",
        ),
        ("rabbitmqctl await_startup -t 10", 0, "", ""),
        ("rabbitmqctl -q node_health_check", 0, "Health check passed\n", ""),
    ]);
    let said = tool(broker.folder(), &["rabbitmq-diagnostics", "check_port_connectivity"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    assert!(said.output.contains("Successfully connected to ports "), "{}", said.output);
    let said = tool(broker.folder(), &["rabbitmqctl", "status"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    for part in ["Status of node rabbit@box ...\n", "\nOS PID: ", "\nVirtual host count: 1\n"] {
        assert!(said.output.contains(part), "{part:?} in {}", said.output);
    }
}

#[test]
fn the_program_answers_to_the_names_of_the_tools() {
    let broker = Served::start();
    let link = broker.folder().join("rabbitmq-diagnostics");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_haremq"), &link).expect("a link");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("HAREMQ_DATA_DIR", broker.folder());
        let output = command.output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run(&link, &["-q", "ping"]), (Some(0), "Ping succeeded\n".to_owned()));
    let program = Path::new(env!("CARGO_BIN_EXE_haremq"));
    assert_eq!(run(program, &["ctl", "-q", "ping"]), (Some(0), "Ping succeeded\n".to_owned()));
    assert_eq!(run(&link, &["nonsense"]).0, Some(64));
}
