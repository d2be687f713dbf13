//! The broker as a service: what it tells the service manager, and the unit that it writes.

use std::fs;
use std::os::unix::net::UnixDatagram;

use haremq::ctl::INSTALLED_NAMES;
use tempfile::TempDir;

use super::installation::Installation;
use crate::support::GUARD;

/// What listens where systemd would.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
        Self { folder, socket }
    }

    fn path(&self) -> String {
        self.folder.path().join("notify").to_str().expect("UTF-8").to_owned()
    }

    fn hears(&self) -> String {
        let mut bytes = [0; 4096];
        let len = self.socket.recv(&mut bytes).expect("a datagram");
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    /// The next datagram that is no sign of life.
    fn hears_news(&self) -> String {
        loop {
            let heard = self.hears();
            if heard != "WATCHDOG=1" {
                return heard;
            }
        }
    }
}

#[test]
fn the_service_manager_hears_of_start_reload_life_and_stop() {
    let manager = Manager::new();
    let broker = Installation::new()
        .with("NOTIFY_SOCKET", &manager.path())
        .with("WATCHDOG_USEC", "100000")
        .start();
    let ready = manager.hears();
    assert!(ready.starts_with("READY=1\nSTATUS=AMQP on "), "{ready}");
    let port = broker.served("AMQP on ").port().to_string();
    assert!(ready.contains(&port), "{ready}");
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    broker.signal("HUP");
    let reloading = manager.hears_news();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.hears_news(), "READY=1");
    assert_eq!(manager.hears(), "WATCHDOG=1");
    broker.signal("TERM");
    assert!(manager.hears_news().starts_with("STOPPING=1\n"));
    assert_eq!(broker.end(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let manager = Manager::new();
    let broker = Installation::new()
        .with("NOTIFY_SOCKET", &manager.path())
        .with("WATCHDOG_USEC", "2")
        .with("WATCHDOG_PID", "1")
        .start();
    assert!(manager.hears().starts_with("READY=1\n"));
    broker.signal("TERM");
    let next = manager.hears();
    assert!(next.starts_with("STOPPING=1\n"), "nothing came before it: {next}");
    assert_eq!(broker.end(), Some(0));
}

#[test]
fn a_service_manager_that_is_not_there_is_a_warning() {
    let broker = Installation::new().with("NOTIFY_SOCKET", "/nowhere/notify").start();
    broker.wait_for_log("NOTIFY_SOCKET cannot be reached");
}

#[test]
fn the_unit_is_written_once_and_never_over_another() {
    let machine = Installation::new();
    let printed = machine.runs("haremq service install --print");
    assert_eq!(printed.code, Some(0));
    assert!(printed.said.contains("\nType=notify\n"), "{}", printed.said);
    assert!(printed.said.contains("/haremq serve\n"), "{}", printed.said);
    let install = "haremq service install --directory /tmp/units";
    let written = machine.runs(install);
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(written.said.contains("systemctl enable --now haremq"), "{}", written.said);
    let path = machine.at("tmp/units/haremq.service");
    assert_eq!(fs::read_to_string(&path).expect("the unit"), printed.said);
    assert!(machine.runs(install).said.contains("says the same"));
    fs::write(&path, "[Unit]\n").expect("a unit of somebody's own");
    let refused = machine.runs(install);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.said.contains("--force"), "{}", refused.said);
    assert_eq!(fs::read_to_string(&path).expect("the unit"), "[Unit]\n");
    assert_eq!(machine.runs(&format!("{install} --force")).code, Some(0));
    assert_eq!(fs::read_to_string(&path).expect("the unit"), printed.said);
    let of_user = machine.runs("haremq service install --user");
    assert_eq!(of_user.code, Some(0), "{of_user:?}");
    let path = machine.at("var/lib/rabbitmq/.config/systemd/user/haremq.service");
    let unit = fs::read_to_string(path).expect("the unit of a user");
    assert!(unit.contains("%S/haremq") && !unit.contains("\nUser="), "{unit}");
}

/// Where systemd is installed, it reads the units.
#[test]
fn systemd_understands_the_units() {
    let machine = Installation::new();
    if machine.runs("command -v systemd-analyze").code != Some(0) {
        return;
    }
    for (flag, scope) in [("", "--system"), (" --user", "--user")] {
        let install = format!("haremq service install{flag} --directory /tmp/units --force");
        assert_eq!(machine.runs(&install).code, Some(0));
        // The page of the manual is not installed here.
        let line = format!(
            "XDG_RUNTIME_DIR=/tmp/ systemd-analyze verify --man=no {scope} /tmp/units/haremq.service"
        );
        let verified = machine.runs(&line);
        let said = verified.said.lines().filter(|line| line.contains("haremq.service"));
        let said: Vec<&str> = said.collect();
        assert!(verified.code == Some(0) && said.is_empty(), "{verified:?}");
    }
}

#[test]
fn man_pages_and_completions_are_there_for_every_name() {
    let machine = Installation::new();
    let made = machine.runs("haremq man /tmp/man");
    assert_eq!(made.code, Some(0), "{made:?}");
    let page = |name: &str| {
        let path = machine.at("tmp/man").join(format!("{name}.1"));
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}.1: {error}"))
    };
    for name in INSTALLED_NAMES.iter().chain(&["haremq", "haremq-ctl", "haremq-service-install"]) {
        assert!(!page(name).is_empty(), "{name}");
    }
    assert!(page("haremq").contains("haremq\\-service(1)"), "{}", page("haremq"));
    assert!(page("haremq-perf-throughput").contains("auto\\-ack"));
    assert!(page("rabbitmqctl").contains("add_user"));
    assert!(page("rabbitmqadmin").contains("declare KIND"));
    assert_eq!(page("rabbitmq-server"), ".so man1/haremq.1\n");
    for (shell, file) in
        [("bash", "rabbitmqctl.bash"), ("zsh", "_rabbitmqctl"), ("fish", "rabbitmqctl.fish")]
    {
        let made = machine.runs(&format!("haremq completions {shell} /tmp/{shell}"));
        assert_eq!(made.code, Some(0), "{made:?}");
        let script = fs::read_to_string(machine.at("tmp").join(shell).join(file)).expect(file);
        assert!(script.contains("list_queues"), "{file}");
        let own = machine.runs(&format!("haremq completions {shell}"));
        assert!(own.code == Some(0) && own.said.contains("ephemeral"), "{shell}");
    }
    let read = machine.runs("for script in /tmp/bash/*; do bash -n \"$script\" || exit; done");
    assert_eq!(read.code, Some(0), "{read:?}");
    assert_eq!(machine.runs("haremq completions tcsh").code, Some(64));
}
