//! `haremq top` on a real terminal: `script` makes one around a shell that tells how the terminal is
//! before and after.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use tempfile::TempDir;

use crate::support::{GUARD, Process, tool_with_input};

/// A terminal of 24 lines with `haremq top` on it.
struct Screen {
    script: Child,
    keys: Option<ChildStdin>,
    pieces: Receiver<Vec<u8>>,
    shown: String,
}

impl Screen {
    /// Before `top`: how the terminal is, and the id of the process; after it its exit code, and how the
    /// terminal is again.
    fn open(folder: &Path) -> Self {
        Self::open_between(folder, "", "")
    }

    /// With words of the shell before all that, and behind it.
    fn open_between(folder: &Path, before: &str, behind: &str) -> Self {
        let line = format!(
            "{before} stty rows 24 cols 100; echo before $(stty -g).; sh -c 'echo pid $$.; exec {} top \
             --interval 1'; echo code $?.; echo after $(stty -g).; {behind}",
            env!("CARGO_BIN_EXE_haremq")
        );
        let mut command = Command::new("script");
        command.args(["-q", "-f", "-c", &line, "/dev/null"]);
        command.env("HAREMQ_DATA_DIR", folder).env("TERM", "xterm").env("SHELL", "/bin/sh");
        command.env_remove("HAREMQ_URL").env_remove("NO_COLOR");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("util-linux has script");
        let keys = script.stdin.take();
        let mut output = script.stdout.take().expect("it is piped");
        let (send, pieces) = channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = output.read(&mut piece) {
                if send.send(piece[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { script, keys, pieces, shown: String::new() }
    }

    /// Waits until this is shown behind what was waited for before; what comes up to its end is taken.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let piece = self.pieces.recv_timeout(GUARD);
            let piece = piece.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.shown));
            // A character that is cut in two is none that is waited for.
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// What stands between a word and a full stop.
    fn word(&mut self, name: &str) -> String {
        self.wait_for(&format!("{name} "));
        let mut word = self.wait_for(".");
        word.pop();
        word
    }

    fn press(&mut self, keys: &str) {
        let stdin = self.keys.as_mut().expect("it is piped");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("somebody reads keys");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Without a terminal `top` ends; a script that does not is killed.
        self.keys = None;
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

impl Screen {
    /// Waits for a screen of so many lines; how many queues are on it.
    fn queues_on(&mut self, lines: usize, enough: impl Fn(usize) -> bool) -> usize {
        loop {
            self.wait_for("\x1b[H");
            let frame = self.wait_for("\x1b[J");
            let queues = frame.matches("queue-").count();
            if frame.matches("\r\n").count() + 1 == lines && enough(queues) {
                return queues;
            }
        }
    }
}

fn broker(folder: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    let flags = ["--bind", "127.0.0.1", "--port", "0", "--management-port", "0"];
    command.args(flags).args(["--log-level", "warn", "--data-dir"]).arg(folder);
    let process = Process::spawn(command);
    process.wait_until_ready();
    process
}

fn declare(folder: &Path, name: &str) {
    declare_all(folder, &[name.to_owned()]);
}

fn declare_all(folder: &Path, names: &[String]) {
    let queue = |name: &String| serde_json::json!({ "name": name, "vhost": "/", "durable": true, "auto_delete": false, "arguments": {} });
    let queues: Vec<_> = names.iter().map(queue).collect();
    let queues = serde_json::json!({ "queues": queues }).to_string();
    let said = tool_with_input(folder, &queues, &["rabbitmqctl", "import_definitions", "-"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn top_leaves_the_terminal_as_it_was_however_it_ends() {
    let folder = TempDir::new().expect("a folder");
    let _broker = broker(folder.path());
    declare(folder.path(), "订单");
    for end in ["q", "\x03", "TERM"] {
        let mut screen = Screen::open(folder.path());
        let before = screen.word("before");
        let pid = screen.word("pid");
        screen.wait_for("\x1b[?1049h");
        screen.wait_for("订单  ");
        screen.wait_for("? help");
        if end == "TERM" {
            let killed = Command::new("kill").args(["-TERM", &pid]).status();
            assert!(killed.expect("kill starts").success(), "{pid}");
        } else {
            screen.press(end);
        }
        screen.wait_for("\x1b[?25h\x1b[?1049l");
        assert_eq!(screen.word("code"), "0", "{end:?}");
        assert_eq!(screen.word("after"), before, "{end:?}");
    }
}

#[test]
fn top_stops_at_ctrl_z_with_the_terminal_as_it_was_and_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let _broker = broker(folder.path());
    declare(folder.path(), "订单");
    let again = "fg; echo code $?.; echo after $(stty -g).";
    let mut screen = Screen::open_between(folder.path(), "set -m;", again);
    let before = screen.word("before");
    screen.wait_for("订单  ");
    screen.press("\x1a");
    screen.wait_for("\x1b[?25h\x1b[?1049l");
    assert_eq!(screen.word("code"), "148", "stopped by SIGTSTP, 128 + 20");
    assert_eq!(screen.word("after"), before);
    screen.wait_for("\x1b[?1049h");
    screen.wait_for("订单  ");
    screen.press("q");
    screen.wait_for("\x1b[?25h\x1b[?1049l");
    assert_eq!(screen.word("code"), "0");
    assert_eq!(screen.word("after"), before);
}

#[test]
fn top_fills_the_window_when_its_size_changes() {
    let folder = TempDir::new().expect("a folder");
    let _broker = broker(folder.path());
    let names: Vec<String> = (0..30).map(|number| format!("queue-{number:02}")).collect();
    declare_all(folder.path(), &names);
    let mut screen = Screen::open_between(folder.path(), "echo tty $(tty).;", "");
    let tty = screen.word("tty");
    // The numbers of more rows are asked for when there is room for them, so a screen fills in two steps.
    let before = screen.queues_on(24, |queues| queues > 10);
    for (rows, columns, room) in [("10", "60", before - 14), ("30", "120", before + 6)] {
        let resized =
            Command::new("stty").args(["-F", &tty, "rows", rows, "cols", columns]).status();
        assert!(resized.expect("stty starts").success(), "{tty}");
        screen.queues_on(rows.parse().expect("a number"), |queues| queues == room);
    }
    screen.press("q");
    assert_eq!(screen.word("code"), "0");
}

#[test]
fn top_explains_the_chosen_queue_and_outlives_a_restart_of_the_broker() {
    let folder = TempDir::new().expect("a folder");
    let mut first = broker(folder.path());
    declare(folder.path(), "orders");
    let mut screen = Screen::open(folder.path());
    screen.wait_for("orders  ");
    screen.press("\r");
    screen.wait_for("Queue 'orders' in virtual host '/'");
    screen.wait_for("nothing is the matter");
    screen.press("\x1b");
    screen.wait_for("1-1 of 1");
    first.kill();
    screen.wait_for("no answer, the numbers are ");
    screen.wait_for("orders  ");
    let _second = broker(folder.path());
    declare(folder.path(), "mails");
    screen.wait_for("mails  ");
    screen.press("q");
    assert_eq!(screen.word("code"), "0");
}

#[test]
fn top_without_a_terminal_prints_one_table() {
    let folder = TempDir::new().expect("a folder");
    let _broker = broker(folder.path());
    declare(folder.path(), "orders");
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["top", "--data-dir"]).arg(folder.path()).stdin(Stdio::null());
    let printed = command.output().expect("it runs");
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    assert_eq!(printed.status.code(), Some(0), "{text}");
    assert!(text.contains("\norders  ") && !text.contains('\x1b'), "{text:?}");
    let said = tool_with_input(folder.path(), "", &["haremq", "top", "--json", "--filter", "ORD"]);
    let document: serde_json::Value = serde_json::from_str(&said.output).expect("JSON");
    assert_eq!(document["items"][0]["name"], "orders", "{document}");
    for (flags, reason) in [
        (["--sort", "size"], "--sort names 'size', and there are the columns name, vhost, ready"),
        (["--interval", "0"], "--interval is 0, and 1 to 300 is expected"),
        (["--rows", "501"], "--rows is 501, and 1 to 500 is expected"),
    ] {
        let said = tool_with_input(folder.path(), "", &["haremq", "top", flags[0], flags[1]]);
        assert_eq!((said.code, said.errors.contains(reason)), (65, true), "{said:?}");
    }
}
